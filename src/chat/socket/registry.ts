import type { Connection } from './connection.ts'
import { TokenBucket } from './token-bucket.ts'

/** Frames a second of a user's sockets together, in the long run, and at once. */
const RATE = 100
const BURST = 300

/** The open sockets of this node: all, by session, by user. */
export class Sockets {
  readonly all = new Set<Connection>()
  readonly #sessions = new Map<string, Set<Connection>>()
  readonly #users = new Map<number, Set<Connection>>()
  readonly #buckets = new Map<number, TokenBucket>()

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
    if (!this.#users.has(user.id)) this.#buckets.delete(user.id)
  }

  /** What a user may send, over all of their sockets. */
  bucketOf(user_id: number): TokenBucket {
    const bucket = this.#buckets.get(user_id) ?? new TokenBucket(RATE, BURST)
    this.#buckets.set(user_id, bucket)
    return bucket
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
