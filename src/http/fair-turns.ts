import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'
import { FairTurns } from '../fair-turns.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The scheduler that all requests share. */
    turns: FairTurns
  }
}

/**
 * Maximum number of waiting requests of one connection. Further requests are refused. Node sends the replies of a
 * connection in order, so a client that goes on sending is soon under back-pressure.
 */
const WAITING = 100

/** Requests wait for a turn before any other hook, and again before their body is parsed (input.ts). */
async function fairTurns(app: FastifyInstance): Promise<void> {
  const turns = new FairTurns()
  app.decorate('turns', turns)
  app.addHook('onRequest', ({ routeOptions, raw: { socket } }, _reply, done) => {
    if (routeOptions.config.vital) done()
    else if (turns.waiting(socket) < WAITING) turns.run(socket, done)
    else done(new ChatError('OVERLOADED', { retryAfter: 1 }))
  })
}

// The websocket plugin must come first: its hook ends a refused upgrade.
export default fp(fairTurns, { name: 'fair-turns', dependencies: ['@fastify/websocket'] })
