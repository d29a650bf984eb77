import type { Connection } from './connection.ts'

/** How often a socket is visited, and at which of the visits it is pinged. */
const VISIT_MS = 5000
const PING_EVERY = 5
/** How often a socket is pinged, in milliseconds. */
export const HEARTBEAT_MS = VISIT_MS * PING_EVERY
/** The sockets are spread over this many turns, so that no turn has much to do. */
const SLOTS = 25

/** One timer for all sockets: each turn visits the sockets of one slot. */
export class Heartbeat {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Connection>())
  readonly #timer: NodeJS.Timeout
  #turn = 0

  constructor(visitMs = VISIT_MS) {
    this.#timer = setInterval(() => this.#visit(), visitMs / SLOTS).unref()
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
    const now = performance.now()
    const ping = Math.floor(this.#turn / SLOTS) % PING_EVERY === 0
    for (const connection of this.#slots[this.#turn % SLOTS] as Set<Connection>) connection.visit(now, ping)
  }
}
