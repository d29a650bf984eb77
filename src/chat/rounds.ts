import type { FastifyBaseLogger } from 'fastify'
import type { Room } from './room.ts'

/**
 * The rooms that have something for sockets of theirs. In every turn of the event loop each of them serves a slice of
 * its sockets, so that no room holds up the others, the log, or HTTP.
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

  add(room: Room): void {
    if (!this.busy) setImmediate(() => this.#turn())
    this.#rooms.add(room)
  }

  #turn(): void {
    for (const room of this.#rooms) {
      try {
        if (room.serve()) this.#rooms.delete(room)
      } catch (error) {
        this.#logger.error({ err: error, chat_id: room.chat_id }, 'a socket could not be served')
      }
    }
    if (this.busy) setImmediate(() => this.#turn())
  }
}
