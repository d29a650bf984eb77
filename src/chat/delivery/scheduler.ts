import type { FastifyBaseLogger } from 'fastify'

/** How long sockets may be served in one turn of the event loop, in milliseconds. */
const TURN_MS = 4

/** A room, as the scheduler sees it. */
export interface ScheduledRoom {
  readonly chat_id: number
  /** Whether its backlog is full. */
  readonly full: boolean
  /** Serves some sockets, until this monotonic time. Returns whether nothing is pending. */
  deliverSlice(until: number): boolean
}

/**
 * Serves the rooms that have pending deliveries, round-robin. In every turn of the event loop, each room serves one slice
 * of its sockets while there is time, so that no room holds up the other rooms, the log, or HTTP.
 */
export class RoomScheduler {
  readonly #rooms = new Set<ScheduledRoom>()
  readonly #logger: Pick<FastifyBaseLogger, 'error'>

  constructor(logger: Pick<FastifyBaseLogger, 'error'>) {
    this.#logger = logger
  }

  /** Whether some room has pending deliveries. */
  get busy(): boolean {
    return this.#rooms.size > 0
  }

  /** Whether the backlog of some room is full. */
  get anyFull(): boolean {
    for (const room of this.#rooms) if (room.full) return true
    return false
  }

  add(room: ScheduledRoom): void {
    if (!this.busy) setImmediate(() => this.#turn())
    this.#rooms.add(room)
  }

  #turn(): void {
    const until = performance.now() + TURN_MS
    for (const room of [...this.#rooms]) {
      // Moves the room to the end of the queue, or removes it when nothing is pending.
      this.#rooms.delete(room)
      if (!this.#deliverSlice(room, until)) this.#rooms.add(room)
      if (performance.now() >= until) break
    }
    if (this.busy) setImmediate(() => this.#turn())
  }

  /** An error with one socket does not stop the others: it is logged, and the room continues. */
  #deliverSlice(room: ScheduledRoom, until: number): boolean {
    try {
      return room.deliverSlice(until)
    } catch (error) {
      this.#logger.error({ err: error, chat_id: room.chat_id }, 'a socket could not be served')
      return false
    }
  }
}
