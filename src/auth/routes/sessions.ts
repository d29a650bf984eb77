import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toIso } from '../../db/rows.ts'
import { ChatError } from '../../errors.ts'
import { nothing, PageQuery, page, ref } from '../../schemas/common.ts'
import { Session, SessionParams, User } from '../../schemas/user.ts'
import type { AuthServices } from './account.ts'

const tags = ['Sessions']

/** Routes of the current user and of their sessions. */
const sessionRoutes: FastifyPluginAsyncTypebox<AuthServices> = async (app, { sessions }) => {
  app.addHook('preValidation', app.authenticate)
  app.addHook('preHandler', app.limitChanges)

  app.route({
    method: 'GET',
    url: '/me',
    schema: {
      operationId: 'getMe',
      summary: 'Get current user',
      description: 'Returns the account of the session.',
      tags,
      response: { 200: ref(User) }
    },
    handler: async ({ caller }) => caller.user
  })

  app.route({
    method: 'GET',
    url: '/sessions',
    schema: {
      operationId: 'listSessions',
      summary: 'List my sessions',
      description:
        'Lists your sessions that have not ended, newest first. An account has at most 1000: a further login ends the least recently used session.',
      tags,
      querystring: PageQuery,
      response: { 200: page(ref(Session)) }
    },
    async handler({ caller, query }) {
      const { items, ...rest } = await app.db.sessions.list(caller.user.id, query)
      return {
        ...rest,
        items: items.map(row => {
          const session: Session = {
            id: row.id,
            current: row.id === caller.session_id,
            created_at: toIso(row.created_at),
            last_seen_at: toIso(row.last_seen_at),
            expires_at: toIso(row.expires_at)
          }
          if (row.user_agent !== null) session.user_agent = row.user_agent
          return session
        })
      }
    }
  })

  app.route({
    method: 'DELETE',
    url: '/sessions/:session_id',
    schema: {
      operationId: 'endSession',
      summary: 'End a session',
      description: 'Ends one of your sessions. Its cookie is invalid at once, and its sockets are closed with 4401.',
      tags,
      params: SessionParams,
      response: { 204: nothing('Ended') },
      errors: ['SESSION_NOT_FOUND']
    },
    async handler({ caller, params }, reply) {
      if (!(await sessions.end(caller.user.id, params.session_id))) throw new ChatError('SESSION_NOT_FOUND')
      return reply.code(204).send(null)
    }
  })
}

export default sessionRoutes
