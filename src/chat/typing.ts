import type { Connection } from './connection.ts'
import { encode } from './frames.ts'
import type { Room } from './room.ts'
import { Throttle } from './throttle.ts'

/** One person's typing is passed on at most this often, in milliseconds. */
const AGAIN_MS = 3000
/** Somebody who says no more is no longer typing after this, in milliseconds. */
const EXPIRY_MS = 6000
/** A room hears of it at most this often, in milliseconds. */
const GAP_MS = 500

/** Who is typing in a room, told as full lists, so that a lost frame cannot stick. Nothing of it is stored. */
export class Typing {
  readonly #room: Room
  readonly #since = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => this.#tell())
  #expiry: NodeJS.Timeout | undefined

  constructor(room: Room) {
    this.#room = room
  }

  note(connection: Connection): void {
    const { id } = connection.caller.user
    const now = performance.now()
    if (now - (this.#since.get(id) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return
    this.#since.delete(id)
    this.#since.set(id, now)
    this.#throttle.ask()
    this.#expiry ??= setTimeout(() => this.#expire(), EXPIRY_MS).unref()
  }

  /** Somebody sent what they were typing, or went away. */
  done(user_id: number): void {
    if (this.#since.size > 0 && this.#since.delete(user_id)) this.#throttle.ask()
  }

  stop(): void {
    clearTimeout(this.#expiry)
    this.#expiry = undefined
    this.#throttle.cancel()
    this.#since.clear()
  }

  /** Ends the next one who has said nothing for long. Entries are in the order of their time. */
  #expire(): void {
    this.#expiry = undefined
    const [next] = this.#since
    if (!next) return
    const [id, since] = next
    const left = since + EXPIRY_MS - performance.now()
    if (left <= 0) this.done(id)
    this.#expiry = setTimeout(() => this.#expire(), Math.max(0, left)).unref()
  }

  #tell(): void {
    this.#room.announce(encode({ type: 'typing', chat_id: this.#room.chat_id, user_ids: [...this.#since.keys()] }))
  }
}
