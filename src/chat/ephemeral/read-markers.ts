import { timeSlice } from '../../time-slice.ts'
import type { Room } from '../delivery/room.ts'
import { encode } from '../socket/frames.ts'
import { Throttle } from './throttle.ts'

/** How often a room is told of read markers at most, in milliseconds. */
const GAP_MS = 500

/** Read markers that have moved. They are stored by the log; a room is told the last one of each person. */
export class Markers {
  readonly #room: Room
  readonly #moved = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => void this.#tell())

  constructor(room: Room) {
    this.#room = room
  }

  /** The marker of a user has moved to this message. */
  note(user_id: number, id: number): void {
    this.#moved.set(user_id, Math.max(id, this.#moved.get(user_id) ?? 0))
    this.#throttle.ask()
  }

  stop(): void {
    this.#throttle.cancel()
    this.#moved.clear()
  }

  /** Tells everybody, or, in a room of so many people that presence is a number, the other sockets of the reader. */
  async #tell(): Promise<void> {
    const { chat_id, presence } = this.#room
    const slice = timeSlice()
    for (const [user_id, id] of this.#moved) {
      this.#moved.delete(user_id)
      const frame = encode({ type: 'read', chat_id, user_id, id })
      if (presence.crowded) this.#room.tellUser(user_id, 'read', frame)
      else this.#room.tellAll(`read ${user_id}`, frame)
      await slice()
    }
  }
}
