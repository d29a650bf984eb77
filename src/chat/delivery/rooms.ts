import type { FastifyBaseLogger } from 'fastify'
import { timeSlice } from '../../time-slice.ts'
import type { Connection } from '../socket/connection.ts'
import type { ConnectionRegistry } from '../socket/registry.ts'
import type { CatchUp } from './catch-up.ts'
import type { BackPressure } from './committed.ts'
import { Cursor } from './cursor.ts'
import { Room, type RoomHost } from './room.ts'
import { RoomScheduler } from './scheduler.ts'

/** The cursors of one connection, by chat. */
export type Cursors = ReadonlyMap<number, Cursor>

/** The registry of the rooms of this node, by chat, and of the cursors of each connection. Empty rooms are dropped. */
export class Rooms implements RoomHost, BackPressure {
  readonly #rooms = new Map<number, Room>()
  readonly #cursors = new Map<Connection, Map<number, Cursor>>()
  readonly #scheduler: RoomScheduler
  readonly #registry: ConnectionRegistry
  readonly #catchUp: CatchUp
  /** Cursors that get ephemeral state when their blocked connection has flushed. */
  readonly #blocked = new Map<Connection, Set<Cursor>>()
  /** Closed connections whose cursors are not all removed yet. */
  readonly #leaving = new Set<Connection>()

  constructor(registry: ConnectionRegistry, catchUp: CatchUp, log: FastifyBaseLogger) {
    this.#registry = registry
    this.#catchUp = catchUp
    this.#scheduler = new RoomScheduler(log)
  }

  get busy(): boolean {
    return this.#scheduler.busy
  }

  get anyFull(): boolean {
    return this.#scheduler.anyFull
  }

  isFull(chat_id: number): boolean {
    return this.#rooms.get(chat_id)?.full ?? false
  }

  get(chat_id: number): Room | undefined {
    return this.#rooms.get(chat_id)
  }

  /** Registers a connection with the map of its cursors, which `enter` and `leave` keep up to date. */
  register(connection: Connection, cursors: Map<number, Cursor>): void {
    this.#cursors.set(connection, cursors)
  }

  /** Whether a connection has a cursor in a chat. */
  has(connection: Connection, chat_id: number): boolean {
    return this.#cursors.get(connection)?.has(chat_id) ?? false
  }

  /**
   * Adds a cursor at `seq` for a registered connection, which must be open and have none in this chat. `replay`: the
   * client has requested the changes after `seq`.
   */
  enter(connection: Connection, chat_id: number, seq: number, replay = false): void {
    const cursors = this.#cursors.get(connection)
    // Nothing would ever remove the cursor of a connection that has left its rooms.
    if (!cursors) return
    const room = this.#rooms.get(chat_id) ?? this.#open(chat_id)
    const cursor = new Cursor(connection, room, seq, replay)
    cursors.set(chat_id, cursor)
    room.add(cursor)
  }

  #open(chat_id: number): Room {
    const room = new Room(chat_id, this)
    this.#rooms.set(chat_id, room)
    return room
  }

  leave(cursor: Cursor): void {
    const { connection, room, chat_id } = cursor
    this.#cursors.get(connection)?.delete(chat_id)
    room.remove(cursor)
    if (room.cursors.size === 0) this.#rooms.delete(chat_id)
  }

  /** Removes a closed connection from all of its rooms, in time slices: many connections can close at the same time. */
  leaveAll(connection: Connection): void {
    this.#leaving.add(connection)
    if (this.#leaving.size === 1) void this.#leaveInSlices()
  }

  async #leaveInSlices(): Promise<void> {
    const slice = timeSlice()
    for (const connection of this.#leaving) {
      for (const cursor of this.#cursors.get(connection)?.values() ?? []) {
        this.leave(cursor)
        await slice()
      }
      this.#cursors.delete(connection)
      this.#leaving.delete(connection)
    }
  }

  /** Writes everything committed to a connection that is about to close. */
  flush(connection: Connection): void {
    for (const cursor of this.#cursors.get(connection)?.values() ?? []) cursor.room.flush(cursor)
  }

  cursorsOf(chat_id: number, user_id: number): Cursor[] {
    const room = this.#rooms.get(chat_id)
    const cursors: Cursor[] = []
    for (const connection of this.#registry.ofUser(user_id)) {
      const cursor = room?.cursors.get(connection)
      if (cursor) cursors.push(cursor)
    }
    return cursors
  }

  onBehind(cursor: Cursor): void {
    this.#catchUp.add(cursor)
  }

  onPending(room: Room): void {
    this.#scheduler.add(room)
  }

  onBlocked(cursor: Cursor): void {
    const { connection } = cursor
    const waiting = this.#blocked.get(connection)
    if (waiting) return void waiting.add(cursor)
    const cursors = new Set([cursor])
    this.#blocked.set(connection, cursors)
    connection.onFlushed(() => {
      this.#blocked.delete(connection)
      for (const cursor of cursors) if (cursor.room.has(cursor)) cursor.room.sendState(cursor)
    })
  }
}
