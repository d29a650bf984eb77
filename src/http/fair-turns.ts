import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'
import { FairTurns } from '../fair-turns.ts'

declare module 'fastify' {
  interface FastifyInstance {
    turns: FairTurns
  }
}

/**
 * Requests of one connection that may wait. What a client sends beyond is refused; as these replies come after those
 * that wait, Node soon stops reading from a client that sends on.
 */
const WAITING = 100

/** Requests take turns: before anything is looked up for them, and again before a body is parsed (input.ts). */
async function fairTurns(app: FastifyInstance): Promise<void> {
  const turns = new FairTurns()
  app.decorate('turns', turns)
  app.addHook('onRequest', ({ routeOptions, raw: { socket } }, _reply, done) => {
    if (routeOptions.config.vital) done()
    else if (turns.waiting(socket) < WAITING) turns.run(socket, done)
    else done(new ChatError('OVERLOADED', { retryAfter: 1 }))
  })
}

// After the websocket plugin, whose first hook is what ends a refused upgrade.
export default fp(fairTurns, { name: 'fair-turns', dependencies: ['@fastify/websocket'] })
