import type { Cursor } from './cursor.ts'
import { encode } from './frames.ts'
import type { Room } from './room.ts'
import { Throttle } from './throttle.ts'

/** A change of who is online is told at most this often, in milliseconds. */
const GAP_MS = 1500
/** Above this many people, only their number is told. */
const NAMED = 100

/** Who is in a room: somebody comes with their first socket and goes with their last one. Nothing of it is stored. */
export class Presence {
  readonly #room: Room
  readonly #sockets = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => this.#tell())
  /** Newcomers of whom nobody need be told, but who must be told who is here. */
  readonly #newcomers = new Set<Cursor>()
  #changed = false

  constructor(room: Room) {
    this.#room = room
  }

  has(user_id: number): boolean {
    return this.#sockets.has(user_id)
  }

  enter(cursor: Cursor): void {
    const { id } = cursor.connection.caller.user
    const sockets = (this.#sockets.get(id) ?? 0) + 1
    this.#sockets.set(id, sockets)
    if (sockets === 1) this.#changed = true
    this.#newcomers.add(cursor)
    this.#throttle.ask()
  }

  leave(cursor: Cursor): void {
    const { id } = cursor.connection.caller.user
    const sockets = (this.#sockets.get(id) as number) - 1
    this.#newcomers.delete(cursor)
    if (sockets > 0) return void this.#sockets.set(id, sockets)
    this.#sockets.delete(id)
    this.#changed = true
    if (this.#sockets.size > 0) this.#throttle.ask()
    else this.#throttle.cancel()
  }

  #tell(): void {
    const { chat_id } = this.#room
    const count = this.#sockets.size
    const who = count > NAMED ? { online_count: count } : { online: [...this.#sockets.keys()].sort((a, b) => a - b) }
    const frame = encode({ type: 'presence', chat_id, ...who })
    if (this.#changed) this.#room.announce(frame)
    // Who could not take it is still to be told.
    else for (const { connection } of this.#newcomers) if (connection.v1) connection.writeIfIdle(frame)
    for (const cursor of this.#newcomers) if (!cursor.connection.blocked) this.#newcomers.delete(cursor)
    this.#changed = false
    if (this.#newcomers.size > 0) this.#throttle.ask()
  }
}
