import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'

/** How long open requests may take when the server stops, in milliseconds. Then their connections are closed. */
const GRACE_MS = 5000

/** A graceful stop: refuses new requests with SHUTTING_DOWN, finishes open ones, and closes idle connections. */
async function closing(app: FastifyInstance): Promise<void> {
  let closing = false

  app.addHook('preClose', async () => {
    closing = true
    // Browsers open connections in advance. Node waits without a limit for a connection that has had no request.
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref()
  })

  app.addHook('onRequest', (request, _reply, done) => {
    const refused = closing && !request.routeOptions.config.vital
    done(refused ? new ChatError('SHUTTING_DOWN', { retryAfter: 5 }) : undefined)
  })

  // A keep-alive connection would keep the server from closing.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close')
    done()
  })
}

// The websocket plugin must come first: its hook ends a refused upgrade.
export default fp(closing, { name: 'closing', dependencies: ['@fastify/websocket'] })
