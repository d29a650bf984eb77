import { encode } from '../socket/frames.ts'
import type { Audience } from './audience.ts'
import { Throttle } from './throttle.ts'

/** A user counts as typing for this long after their last `typing` frame, in milliseconds. */
const EXPIRY_MS = 6000
/** The min time between two typing frames of a room, in milliseconds. */
const GAP_MS = 500
/** Max users in a typing frame. */
const MAX_NAMED = 100

/** The users who are typing in a room. Every change sends the full list. Never stored. */
export class Typing {
  readonly #audience: Audience
  /** When each user stops to count as typing, in monotonic milliseconds; ascending. */
  readonly #expiries = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => this.#update())
  #timer: NodeJS.Timeout | undefined

  constructor(audience: Audience) {
    this.#audience = audience
  }

  /** A user has sent a `typing` frame. Every call extends the time. */
  start(user_id: number): void {
    if (!this.#expiries.delete(user_id)) this.#throttle.trigger()
    this.#expiries.set(user_id, performance.now() + EXPIRY_MS)
    this.#timer ??= setTimeout(() => this.#expire(), EXPIRY_MS).unref()
  }

  /** A user has sent the message, or has left. */
  end(user_id: number): void {
    if (this.#expiries.size > 0 && this.#expiries.delete(user_id)) this.#throttle.trigger()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#throttle.cancel()
    this.#expiries.clear()
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [user_id, expiry] of this.#expiries) {
      if (expiry > now) {
        this.#timer = setTimeout(() => this.#expire(), expiry - now).unref()
        return
      }
      this.end(user_id)
    }
  }

  #update(): void {
    const user_ids = [...this.#expiries.keys().take(MAX_NAMED)]
    const frame = encode({ type: 'typing', chat_id: this.#audience.chat_id, user_ids })
    // An empty list does not last: sockets that enter later assume that nobody is typing.
    this.#audience.updateAll('typing', frame, user_ids.length > 0)
  }
}
