import type { FastifyBaseLogger } from 'fastify'
import { timeSlice } from '../../time-slice.ts'
import type { Connection } from '../socket/connection.ts'
import type { Sockets } from '../socket/registry.ts'
import type { CatchUp } from './catch-up.ts'
import { Cursor } from './cursor.ts'
import { Room, type RoomHost } from './room.ts'
import { Rounds } from './scheduler.ts'

/** The rooms of this node, by chat. A room without sockets is dropped. */
export class Rooms implements RoomHost {
  readonly #rooms = new Map<number, Room>()
  readonly #rounds: Rounds
  readonly #sockets: Sockets
  readonly #catchUp: CatchUp
  /** Cursors that are to be told ephemeral state when their connection has sent what it has. */
  readonly #blocked = new Map<Connection, Set<Cursor>>()
  /** Closed connections whose cursors are still in rooms. */
  readonly #leaving = new Set<Connection>()

  constructor(sockets: Sockets, catchUp: CatchUp, log: FastifyBaseLogger) {
    this.#sockets = sockets
    this.#catchUp = catchUp
    this.#rounds = new Rounds(log)
  }

  /** Whether a large room is still being served. */
  get busy(): boolean {
    return this.#rounds.busy
  }

  /** Whether some chat has to wait until its sockets have been served. */
  get someFull(): boolean {
    return this.#rounds.full
  }

  isFull(chat_id: number): boolean {
    return this.#rooms.get(chat_id)?.full ?? false
  }

  get(chat_id: number): Room | undefined {
    return this.#rooms.get(chat_id)
  }

  /** Gives a connection a cursor in a chat. `replay`: the client asked for what came after `seq`. */
  enter(connection: Connection, chat_id: number, seq: number, replay = false): void {
    const room = this.#rooms.get(chat_id) ?? this.#open(chat_id)
    const cursor = new Cursor(connection, room, seq, replay)
    connection.cursors.set(chat_id, cursor)
    room.add(cursor)
  }

  #open(chat_id: number): Room {
    const room = new Room(chat_id, this)
    this.#rooms.set(chat_id, room)
    return room
  }

  leave(cursor: Cursor): void {
    const { connection, room, chat_id } = cursor
    connection.cursors.delete(chat_id)
    room.remove(cursor)
    if (room.cursors.size === 0) this.#rooms.delete(chat_id)
  }

  /** Takes a closed connection out of all of its chats, little by little: others may have closed in the same moment. */
  leaveAll(connection: Connection): void {
    this.#leaving.add(connection)
    if (this.#leaving.size === 1) void this.#leaveInTurns()
  }

  async #leaveInTurns(): Promise<void> {
    const slice = timeSlice()
    for (const connection of this.#leaving) {
      for (const cursor of connection.cursors.values()) {
        this.leave(cursor)
        await slice()
      }
      this.#leaving.delete(connection)
    }
  }

  behind(cursor: Cursor): void {
    this.#catchUp.add(cursor)
  }

  unserved(room: Room): void {
    this.#rounds.add(room)
  }

  blocked(cursor: Cursor): void {
    const { connection } = cursor
    const waiting = this.#blocked.get(connection)
    if (waiting) return void waiting.add(cursor)
    const cursors = new Set([cursor])
    this.#blocked.set(connection, cursors)
    connection.flushed(() => {
      this.#blocked.delete(connection)
      for (const cursor of cursors) if (connection.cursors.get(cursor.chat_id) === cursor) cursor.room.inform(cursor)
    })
  }

  cursorsOf(chat_id: number, user_id: number): Cursor[] {
    const cursors: Cursor[] = []
    for (const connection of this.#sockets.ofUser(user_id)) {
      const cursor = connection.cursors.get(chat_id)
      if (cursor) cursors.push(cursor)
    }
    return cursors
  }
}
