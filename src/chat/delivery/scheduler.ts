import type { FastifyBaseLogger } from 'fastify'
import type { Room } from './room.ts'

/** How long sockets may be served before the event loop gets a turn, in milliseconds. */
const TURN_MS = 4

/**
 * The rooms that have something for sockets of theirs. In every turn of the event loop each of them serves one slice of
 * its sockets, or as many of them as there is time for, so that no room holds up the others, the log, or HTTP.
 */
export class Rounds {
  readonly #rooms = new Set<Room>()
  readonly #logger: Pick<FastifyBaseLogger, 'error'>

  constructor(logger: Pick<FastifyBaseLogger, 'error'>) {
    this.#logger = logger
  }

  get busy(): boolean {
    return this.#rooms.size > 0
  }

  /** Whether some room has so much to hand out that its chat must wait. */
  get full(): boolean {
    for (const room of this.#rooms) if (room.full) return true
    return false
  }

  add(room: Room): void {
    if (!this.busy) setImmediate(() => this.#turn())
    this.#rooms.add(room)
  }

  #turn(): void {
    const until = performance.now() + TURN_MS
    for (const room of [...this.#rooms]) {
      // To the end of the queue, unless it is done.
      this.#rooms.delete(room)
      if (!this.#serve(room, until)) this.#rooms.add(room)
      if (performance.now() >= until) break
    }
    if (this.busy) setImmediate(() => this.#turn())
  }

  /** What goes wrong with one socket must not stop the others. */
  #serve(room: Room, until: number): boolean {
    try {
      return room.serve(until)
    } catch (error) {
      this.#logger.error({ err: error, chat_id: room.chat_id }, 'a socket could not be served')
      return false
    }
  }
}
