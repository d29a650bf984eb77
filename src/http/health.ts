import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ChatError } from '../errors.ts'

const tags = ['Health']
const Health = Type.Object(
  { status: Type.Literal('ok', { description: 'Always `ok`' }) },
  { description: 'The check has passed' }
)

/** Health checks for load balancers and supervisors. */
const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.route({
    method: 'GET',
    url: '/live',
    config: { vital: true },
    logLevel: 'warn',
    schema: {
      operationId: 'getLiveness',
      summary: 'Check liveness',
      description: 'Restart the process when this does not answer.',
      tags,
      security: [],
      response: { 200: Health }
    },
    handler: async () => ({ status: 'ok' as const })
  })

  app.route({
    method: 'GET',
    url: '/ready',
    logLevel: 'warn',
    schema: {
      operationId: 'getReadiness',
      summary: 'Check readiness',
      description:
        'Checks that the database can be read and, after a write has failed, that it can be written. 503 while it cannot, and while the server is overloaded or shuts down.',
      tags,
      security: [],
      response: { 200: Health }
    },
    async handler() {
      await app.db.ready().catch(cause => {
        throw new ChatError('STORAGE_FAILED', { retryAfter: 5, cause })
      })
      return { status: 'ok' as const }
    }
  })
}

export default healthRoutes
