import { timeSlice } from '../../time-slice.ts'
import { encode } from '../socket/frames.ts'
import type { Audience } from './audience.ts'
import { Throttle } from './throttle.ts'

/** The min time between two rounds of `read` frames of a room, in milliseconds. */
const GAP_MS = 500

/** Read markers that have moved. The log has stored them; a room gets the latest marker of each user. */
export class ReadMarkers {
  readonly #audience: Audience & { readonly presence: { readonly crowded: boolean } }
  /** The message id of each marker that has moved since the last update, by user. */
  readonly #moved = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => void this.#update())

  constructor(audience: Audience & { readonly presence: { readonly crowded: boolean } }) {
    this.#audience = audience
  }

  /** The marker of a user has moved to this message. */
  move(user_id: number, id: number): void {
    this.#moved.set(user_id, Math.max(id, this.#moved.get(user_id) ?? 0))
    this.#throttle.trigger()
  }

  stop(): void {
    this.#throttle.cancel()
    this.#moved.clear()
  }

  /** Updates every socket. In a crowded room, where presence is a number, only the sockets of the reader. */
  async #update(): Promise<void> {
    const { chat_id, presence } = this.#audience
    const slice = timeSlice()
    for (const [user_id, id] of this.#moved) {
      this.#moved.delete(user_id)
      const frame = encode({ type: 'read', chat_id, user_id, id })
      if (presence.crowded) this.#audience.updateUser(user_id, 'read', frame)
      else this.#audience.updateAll(`read ${user_id}`, frame)
      await slice()
    }
  }
}
