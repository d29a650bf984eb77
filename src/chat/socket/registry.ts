import type { Connection } from './connection.ts'
import { TokenBucket } from './token-bucket.ts'

/** The rate limit of all sockets of a user together: frames a second, and frames in a burst. */
const FRAMES_RATE = 100
const FRAMES_BURST = 300

/** The open connections of this node: all of them, by session, and by user. */
export class ConnectionRegistry {
  readonly all = new Set<Connection>()
  readonly #sessions = new Map<string, Set<Connection>>()
  readonly #users = new Map<number, Set<Connection>>()
  readonly #buckets = new Map<number, TokenBucket>()

  add(connection: Connection): void {
    const { session_id, user } = connection.caller
    this.all.add(connection)
    addTo(this.#sessions, session_id, connection)
    addTo(this.#users, user.id, connection)
  }

  remove(connection: Connection): void {
    const { session_id, user } = connection.caller
    this.all.delete(connection)
    removeFrom(this.#sessions, session_id, connection)
    removeFrom(this.#users, user.id, connection)
    if (!this.#users.has(user.id)) this.#buckets.delete(user.id)
  }

  /** The rate limit that all sockets of a user share. */
  bucketOf(user_id: number): TokenBucket {
    const bucket = this.#buckets.get(user_id) ?? new TokenBucket(FRAMES_RATE, FRAMES_BURST)
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

/** Adds a value to the set of a key. */
function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  if (set) set.add(value)
  else sets.set(key, new Set([value]))
}

/** Removes a value from the set of a key, and the set when it is empty. */
function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  set?.delete(value)
  if (set?.size === 0) sets.delete(key)
}
