import { encode } from '../socket/frames.ts'
import type { Audience } from './audience.ts'
import { Throttle } from './throttle.ts'

/** The min time between two presence frames of a room, in milliseconds. */
const GAP_MS = 1500
/** With more people online than this, presence frames have their number instead of their ids. */
const MAX_NAMED = 100

/** The users who are online in a room: from their first socket until their last one leaves. Never stored. */
export class Presence<Socket> {
  readonly #audience: Audience<Socket>
  /** The number of sockets of each user. */
  readonly #socketCounts = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => this.#update())
  /** Sockets that still need their first presence frame. */
  readonly #newcomers = new Set<Socket>()
  /** Whether the list of people has changed since the last frame. */
  #changed = false

  constructor(audience: Audience<Socket>) {
    this.#audience = audience
  }

  /** Whether there are so many people that they are counted instead of named. */
  get crowded(): boolean {
    return this.#socketCounts.size > MAX_NAMED
  }

  has(user_id: number): boolean {
    return this.#socketCounts.has(user_id)
  }

  enter(user_id: number, socket: Socket): void {
    const count = (this.#socketCounts.get(user_id) ?? 0) + 1
    this.#socketCounts.set(user_id, count)
    if (count === 1) this.#changed = true
    this.#newcomers.add(socket)
    this.#throttle.trigger()
  }

  leave(user_id: number, socket: Socket): void {
    const count = (this.#socketCounts.get(user_id) as number) - 1
    this.#newcomers.delete(socket)
    if (count > 0) return void this.#socketCounts.set(user_id, count)
    this.#socketCounts.delete(user_id)
    this.#changed = true
    this.#throttle.trigger()
  }

  stop(): void {
    this.#throttle.cancel()
  }

  /** Updates every socket when the list has changed, otherwise the newcomers. */
  #update(): void {
    if (this.#changed) this.#audience.updateAll('presence', this.#frame(), true)
    else for (const socket of this.#newcomers) this.#audience.updateNewcomer(socket)
    this.#newcomers.clear()
    this.#changed = false
  }

  #frame(): Buffer {
    const { chat_id } = this.#audience
    if (this.crowded) return encode({ type: 'presence', chat_id, online_count: this.#socketCounts.size })
    return encode({ type: 'presence', chat_id, online: [...this.#socketCounts.keys()].sort((a, b) => a - b) })
  }
}
