import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toIso } from '../../db/page.ts'
import { ChatError } from '../../errors.ts'
import { nothing, PageQuery, page, ref, replies } from '../../schemas/common.ts'
import { Session, SessionParams, User } from '../../schemas/user.ts'
import type { AuthServices } from './account.ts'

const tags = ['Sessions']

/** Who I am, where I am logged in, and how to end that. */
const sessionRoutes: FastifyPluginAsyncTypebox<AuthServices> = async (app, { sessions }) => {
  app.addHook('preValidation', app.authenticate)
  app.addHook('preHandler', app.limitChanges)

  app.route({
    method: 'GET',
    url: '/me',
    schema: {
      operationId: 'getMe',
      summary: 'Who I am',
      description: 'The account behind the cookie.',
      tags,
      response: replies({ 200: ref(User) }, 401)
    },
    handler: async ({ caller }) => caller.user
  })

  app.route({
    method: 'GET',
    url: '/sessions',
    schema: {
      operationId: 'listSessions',
      summary: 'Where I am logged in',
      description:
        'My sessions that have not ended, newest first: 1000 at most, as the one used longest ago then ends.',
      tags,
      querystring: PageQuery,
      response: replies({ 200: page(ref(Session)) }, 400, 401)
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
      summary: 'End a session of mine',
      description: 'Its cookie is worthless at once, and its sockets close with 4401.',
      tags,
      params: SessionParams,
      response: replies({ 204: nothing('Ended') }, 400, 401, 403, 404, 429, 503)
    },
    async handler({ caller, params }, reply) {
      if (!(await sessions.end(caller.user.id, params.session_id))) throw new ChatError('SESSION_NOT_FOUND')
      return reply.code(204).send(null)
    }
  })
}

export default sessionRoutes
