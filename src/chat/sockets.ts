import type { Connection } from './connection.ts'

/** The open sockets of this node: all, by session, by user. */
export class Sockets {
  readonly all = new Set<Connection>()
  readonly #sessions = new Map<string, Set<Connection>>()
  readonly #users = new Map<number, Set<Connection>>()

  add(connection: Connection): void {
    const { session_id, user } = connection.caller
    this.all.add(connection)
    put(this.#sessions, session_id, connection)
    put(this.#users, user.id, connection)
  }

  remove(connection: Connection): void {
    const { session_id, user } = connection.caller
    this.all.delete(connection)
    take(this.#sessions, session_id, connection)
    take(this.#users, user.id, connection)
  }

  ofSession(session_id: string): ReadonlySet<Connection> {
    return this.#sessions.get(session_id) ?? NONE
  }

  ofUser(user_id: number): ReadonlySet<Connection> {
    return this.#users.get(user_id) ?? NONE
  }
}

const NONE: ReadonlySet<Connection> = new Set()

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
