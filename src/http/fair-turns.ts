import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { FairTurns } from '../fair-turns.ts'

declare module 'fastify' {
  interface FastifyInstance {
    turns: FairTurns
  }
}

/** Requests take turns: before anything is looked up for them, and again before a body is parsed (input.ts). */
async function fairTurns(app: FastifyInstance): Promise<void> {
  const turns = new FairTurns()
  app.decorate('turns', turns)
  app.addHook('onRequest', ({ routeOptions }, _reply, done) => (routeOptions.config.vital ? done() : turns.run(done)))
}

// After the websocket plugin, whose first hook is what ends a refused upgrade.
export default fp(fairTurns, { name: 'fair-turns', dependencies: ['@fastify/websocket'] })
