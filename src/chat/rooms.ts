import type { BusEvent } from '../bus/bus.ts'
import { CLOSE, type Connection } from './connection.ts'
import type { Appended } from './log.ts'
import { Room } from './room.ts'

/** The open sockets of this node: by chat, by session, by user. Empty rooms are forgotten. */
export class Rooms {
  readonly #rooms = new Map<number, Room>()
  readonly #sessions = new Map<string, Set<Connection>>()
  readonly #users = new Map<number, Set<Connection>>()

  add(connection: Connection): void {
    const { chat_id, caller } = connection
    const room = this.#rooms.get(chat_id) ?? new Room()
    this.#rooms.set(chat_id, room)
    room.add(connection)
    put(this.#sessions, caller.session_id, connection)
    put(this.#users, caller.user.id, connection)
  }

  remove(connection: Connection): void {
    const { chat_id, caller } = connection
    const room = this.#rooms.get(chat_id)
    room?.remove(connection)
    if (room?.size === 0) this.#rooms.delete(chat_id)
    take(this.#sessions, caller.session_id, connection)
    take(this.#users, caller.user.id, connection)
  }

  /** How many sockets a user has open here. */
  countOf(user_id: number): number {
    return this.#users.get(user_id)?.size ?? 0
  }

  get empty(): boolean {
    return this.#users.size === 0
  }

  /** Every open socket. */
  *connections(): Iterable<Connection> {
    for (const connections of this.#users.values()) yield* connections
  }

  deliver(chat_id: number, batch: Appended[]): void {
    this.#rooms.get(chat_id)?.deliver(batch)
  }

  hear(event: BusEvent): void {
    switch (event.type) {
      case 'sessions_ended':
        for (const id of event.session_ids) {
          for (const connection of this.#sessions.get(id) ?? []) connection.close(CLOSE.sessionEnded)
        }
        break
      case 'chat_removed':
        this.#rooms.get(event.chat_id)?.dissolve()
        break
    }
  }
}

function put<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  if (set) set.add(value)
  else map.set(key, new Set([value]))
}

function take<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  set?.delete(value)
  if (set?.size === 0) map.delete(key)
}
