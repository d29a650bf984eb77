import type { Cursor } from '../delivery/cursor.ts'
import type { Room } from '../delivery/room.ts'
import { encode } from '../socket/frames.ts'
import { Throttle } from './throttle.ts'

/** A room is told who is online at most this often, in milliseconds. */
const GAP_MS = 1500
/** Above this many people, only their number is told. */
const NAMED = 100

/** Who is in a room: somebody comes with their first socket and goes with their last one. Nothing of it is stored. */
export class Presence {
  readonly #room: Room
  /** How many sockets each user has. */
  readonly #sockets = new Map<number, number>()
  readonly #throttle = new Throttle(GAP_MS, () => this.#tell())
  /** Sockets that entered since the room was told last. */
  readonly #newcomers = new Set<Cursor>()
  #changed = false

  constructor(room: Room) {
    this.#room = room
  }

  /** Whether there are so many people that they are counted instead of named. */
  get crowded(): boolean {
    return this.#sockets.size > NAMED
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
    this.#throttle.ask()
  }

  stop(): void {
    this.#throttle.cancel()
  }

  /** Tells everybody when the list has changed, else those who have just entered. */
  #tell(): void {
    if (this.#changed) this.#room.tellAll('presence', this.#frame(), true)
    else for (const cursor of this.#newcomers) this.#room.tell(cursor)
    this.#newcomers.clear()
    this.#changed = false
  }

  #frame(): Buffer {
    const { chat_id } = this.#room
    if (this.crowded) return encode({ type: 'presence', chat_id, online_count: this.#sockets.size })
    return encode({ type: 'presence', chat_id, online: [...this.#sockets.keys()].sort((a, b) => a - b) })
  }
}
