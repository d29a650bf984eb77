import type { Connection } from './connection.ts'

/** How often a socket is pinged, in milliseconds. */
export const HEARTBEAT_MS = 25_000
/** The sockets are spread over this many turns, so that no turn has much to do. */
const SLOTS = 25

/** One timer for all sockets: each turn visits the sockets of one slot. */
export class Heartbeat {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Connection>())
  readonly #timer: NodeJS.Timeout
  #turn = 0

  constructor(everyMs = HEARTBEAT_MS) {
    this.#timer = setInterval(() => this.#visit(), everyMs / SLOTS).unref()
  }

  /** Visits the connection from now on. Returns how to stop. */
  add(connection: Connection): () => void {
    // The slot that was visited last: its first visit is a whole period away.
    const slot = this.#slots[this.#turn % SLOTS] as Set<Connection>
    slot.add(connection)
    return () => slot.delete(connection)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #visit(): void {
    this.#turn++
    for (const connection of this.#slots[this.#turn % SLOTS] as Set<Connection>) connection.beat()
  }
}
