import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ChatError } from '../errors.ts'
import { replies } from '../schemas/common.ts'

const tags = ['Health']
const Health = Type.Object(
  { status: Type.Literal('ok', { description: 'Always `ok`; anything else is an error' }) },
  { description: 'All is well' }
)

/** For whoever watches over the process. */
const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.route({
    method: 'GET',
    url: '/live',
    config: { vital: true },
    logLevel: 'warn',
    schema: {
      operationId: 'getLiveness',
      summary: 'Whether the process works',
      description: 'Restart the process when this does not answer.',
      tags,
      security: [],
      response: replies({ 200: Health })
    },
    handler: async () => ({ status: 'ok' as const })
  })

  app.route({
    method: 'GET',
    url: '/ready',
    logLevel: 'warn',
    schema: {
      operationId: 'getReadiness',
      summary: 'Whether to send requests here',
      description:
        'Checks that the database can be read and, when a write has failed, written. 503 while it cannot, and while the ' +
        'server is overloaded or going away.',
      tags,
      security: [],
      response: replies({ 200: Health }, 503)
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
