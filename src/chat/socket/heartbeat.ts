import type { Connection } from './connection.ts'

/** How often each socket is checked, in milliseconds, and with which of the checks it is pinged. */
const CHECK_MS = 5000
const PING_EVERY = 5
/** How often a socket is pinged, in milliseconds. */
export const HEARTBEAT_MS = CHECK_MS * PING_EVERY
/** The sockets are spread over this many timer ticks, so that each tick has little to do. */
const SLOTS = 25

/** One timer for all sockets: each tick checks the sockets of one slot. */
export class Heartbeat {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Connection>())
  readonly #timer: NodeJS.Timeout
  #tick = 0

  constructor(checkMs = CHECK_MS) {
    this.#timer = setInterval(() => this.#checkSlot(), checkMs / SLOTS).unref()
  }

  /** Checks the connection from now on, for the first time after a whole period: in the slot that was checked last. */
  add(connection: Connection): void {
    this.#slots[this.#tick % SLOTS]?.add(connection)
  }

  remove(connection: Connection): void {
    for (const slot of this.#slots) if (slot.delete(connection)) return
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #checkSlot(): void {
    this.#tick++
    const now = performance.now()
    const ping = Math.floor(this.#tick / SLOTS) % PING_EVERY === 0
    for (const connection of this.#slots[this.#tick % SLOTS] as Set<Connection>) connection.onHeartbeat(now, ping)
  }
}
