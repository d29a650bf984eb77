import type { Room } from '../delivery/room.ts'
import { encode } from '../socket/frames.ts'
import { Throttle } from './throttle.ts'

/** After this long without a `typing` frame, somebody is no longer typing. In milliseconds. */
const EXPIRY_MS = 6000
/** A room is told who is typing at most this often, in milliseconds. */
const GAP_MS = 500
/** Of more people than this, so many are named. */
const NAMED = 100

/** Who is typing in a room, told as a full list whenever somebody begins or ends. Nothing of it is stored. */
export class Typing {
  readonly #room: Room
  /** When each user's typing expires, the first to expire first. In milliseconds of the process. */
  readonly #expiries = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => this.#tell())
  #timer: NodeJS.Timeout | undefined

  constructor(room: Room) {
    this.#room = room
  }

  /** A user is typing. Every call moves the expiry. */
  note(user_id: number): void {
    if (!this.#expiries.delete(user_id)) this.#throttle.ask()
    this.#expiries.set(user_id, performance.now() + EXPIRY_MS)
    this.#timer ??= setTimeout(() => this.#expire(), EXPIRY_MS).unref()
  }

  /** A user has sent what they were typing, or has gone. */
  end(user_id: number): void {
    if (this.#expiries.size > 0 && this.#expiries.delete(user_id)) this.#throttle.ask()
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

  #tell(): void {
    const user_ids = [...this.#expiries.keys().take(NAMED)]
    const frame = encode({ type: 'typing', chat_id: this.#room.chat_id, user_ids })
    // Sockets that enter later take it that nobody is typing.
    this.#room.tellAll('typing', frame, user_ids.length > 0)
  }
}
