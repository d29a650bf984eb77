import type { FastifyBaseLogger } from 'fastify'
import type { BusEvent } from '../bus/bus.ts'
import type { Repositories } from '../db/plugin.ts'
import type { CatchUp } from './catch-up.ts'
import { CLOSE, type Connection } from './connection.ts'
import { Cursor } from './cursor.ts'
import { encode } from './frames.ts'
import type { Appended } from './log.ts'
import { Room } from './room.ts'
import { Rounds } from './rounds.ts'
import type { Sockets } from './sockets.ts'

/** The rooms of this node, by chat. Who is in them follows the log and the bus. Empty rooms are forgotten. */
export class Rooms {
  readonly #rooms = new Map<number, Room>()
  readonly #rounds: Rounds
  readonly #sockets: Sockets
  readonly #catchUp: CatchUp
  readonly #chats: Repositories['chats']
  readonly #log: FastifyBaseLogger

  constructor(sockets: Sockets, catchUp: CatchUp, chats: Repositories['chats'], log: FastifyBaseLogger) {
    this.#sockets = sockets
    this.#catchUp = catchUp
    this.#chats = chats
    this.#log = log
    this.#rounds = new Rounds(log)
  }

  /** Whether a large room is still being served. */
  get busy(): boolean {
    return this.#rounds.busy
  }

  /** Gives a connection a cursor in a chat. `replay`: the client asked for what came after `seq`. */
  enter(connection: Connection, chat_id: number, seq: number, replay = false): void {
    const room = this.#rooms.get(chat_id) ?? this.#open(chat_id)
    const cursor = new Cursor(connection, room, seq, replay)
    connection.cursors.set(chat_id, cursor)
    room.add(cursor)
  }

  #open(chat_id: number): Room {
    const room = new Room(
      chat_id,
      cursor => this.#catchUp.add(cursor),
      room => this.#rounds.add(room)
    )
    this.#rooms.set(chat_id, room)
    return room
  }

  /** Takes a connection out of all of its chats. */
  leaveAll({ cursors }: Connection): void {
    for (const cursor of [...cursors.values()]) this.#leave(cursor)
  }

  #leave(cursor: Cursor): void {
    const { connection, room, chat_id } = cursor
    connection.cursors.delete(chat_id)
    room.remove(cursor)
    if (room.cursors.size === 0) this.#rooms.delete(chat_id)
  }

  /** Gives a committed batch to the sockets of its chat. Who left sees nothing of it, who joined all that follows. */
  deliver(chat_id: number, batch: Appended[]): void {
    let from = 0
    for (let i = 0; i < batch.length; i++) {
      const { message, fresh } = batch[i] as Appended
      if (!fresh || message.seq !== message.id) continue
      if (message.kind === 'joined') this.#welcome(chat_id, [message.sender.id])
      if (message.kind !== 'left') continue
      // What they sent before they left is still acked to them.
      this.#deliver(chat_id, batch.slice(from, i))
      this.#dismiss(chat_id, message.sender.id)
      from = i
    }
    this.#deliver(chat_id, from === 0 ? batch : batch.slice(from))
  }

  #deliver(chat_id: number, batch: Appended[]): void {
    if (batch.length > 0) this.#rooms.get(chat_id)?.deliver(batch)
  }

  hear(event: BusEvent): void {
    switch (event.type) {
      case 'sessions_ended':
        for (const id of event.session_ids) {
          for (const connection of this.#sockets.ofSession(id)) connection.close(CLOSE.sessionEnded)
        }
        break
      case 'members_added':
        this.#welcome(event.chat_id, event.user_ids)
        break
      case 'role_changed':
        this.#tellRole(event.chat_id, event.user_id)
        break
      case 'read':
        this.#announce(event.chat_id, encode(event))
        break
      case 'chat_changed':
        this.#tellChange(event.chat_id)
        break
      case 'chat_removed':
        for (const cursor of this.#rooms.get(event.chat_id)?.cursors ?? []) this.#expel(cursor)
        break
    }
  }

  #announce(chat_id: number, frame: Buffer): void {
    this.#rooms.get(chat_id)?.announce(frame)
  }

  /** Sockets that carry all chats of their user carry this one too, from now on. */
  #welcome(chat_id: number, user_ids: number[]): void {
    for (const user_id of user_ids) {
      const carriers = [...this.#sockets.ofUser(user_id)].filter(({ chat_id }) => chat_id === undefined)
      if (carriers.length === 0) continue
      this.#load(this.#chats.find(chat_id, user_id), chat => {
        for (const connection of carriers) {
          if (!connection.open || connection.cursors.has(chat_id)) continue
          connection.tell({ type: 'chat', change: 'added', chat })
          this.enter(connection, chat_id, chat.seq)
        }
      })
    }
  }

  #dismiss(chat_id: number, user_id: number): void {
    for (const { cursors } of this.#sockets.ofUser(user_id)) {
      const cursor = cursors.get(chat_id)
      if (cursor) this.#expel(cursor)
    }
  }

  /** A socket for this chat alone has nothing left to do; one for all chats goes on without it. */
  #expel(cursor: Cursor): void {
    const { connection, chat_id } = cursor
    this.#leave(cursor)
    if (connection.chat_id === chat_id) connection.close(CLOSE.removed)
    else connection.tell({ type: 'chat', change: 'removed', chat: { id: chat_id } })
  }

  #tellRole(chat_id: number, user_id: number): void {
    const connections = [...this.#sockets.ofUser(user_id)].filter(({ v1, cursors }) => v1 && cursors.has(chat_id))
    if (connections.length === 0) return
    this.#load(this.#chats.find(chat_id, user_id), ({ id, role }) => {
      for (const connection of connections) connection.tell({ type: 'chat', change: 'updated', chat: { id, role } })
    })
  }

  #tellChange(chat_id: number): void {
    if (!this.#rooms.has(chat_id)) return
    this.#load(this.#chats.describe(chat_id), chat => {
      this.#announce(chat_id, encode({ type: 'chat', change: 'updated', chat }))
    })
  }

  /** Reads what an event frame tells. Such a frame is a courtesy: when the database fails, it is not sent. */
  #load<T>(reading: Promise<T | undefined>, use: (value: T) => void): void {
    reading.then(
      value => value && use(value),
      error => this.#log.error({ err: error }, 'an event could not be told')
    )
  }
}
