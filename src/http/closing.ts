import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'

/** How long requests in flight get when the server stops, in milliseconds. */
const GRACE_MS = 5000

/** A server that stops takes no new requests, finishes those it has, and waits for no connection that says nothing. */
async function closing(app: FastifyInstance): Promise<void> {
  let closing = false

  app.addHook('preClose', async () => {
    closing = true
    // Node waits for a connection without a request, such as browsers open in advance, for ever.
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref()
  })

  app.addHook('onRequest', (request, _reply, done) => {
    const refused = closing && !request.routeOptions.config.vital
    done(refused ? new ChatError('SHUTTING_DOWN', { retryAfter: 5 }) : undefined)
  })

  // A connection that stays open after its reply keeps the server from closing.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close')
    done()
  })
}

// After the websocket plugin, whose first hook is what ends a refused upgrade.
export default fp(closing, { name: 'closing', dependencies: ['@fastify/websocket'] })
