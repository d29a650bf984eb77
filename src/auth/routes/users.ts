import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ChatError } from '../../errors.ts'
import { page, ref, replies } from '../../schemas/common.ts'
import { ProfileChange, User, UserParams, UserQuery } from '../../schemas/user.ts'

const tags = ['Users']

/** Finding people, and what they see of me. */
const userRoutes: FastifyPluginAsyncTypebox = async app => {
  app.addHook('preValidation', app.authenticate)
  app.addHook('preHandler', app.limitChanges)

  app.route({
    method: 'GET',
    url: '',
    schema: {
      operationId: 'listUsers',
      summary: 'Find people',
      description: 'Accounts by the beginning of their username or display name, in the order of usernames.',
      tags,
      querystring: UserQuery,
      response: replies({ 200: page(ref(User)) }, 400, 401)
    },
    async handler({ query: { ids, ...query } }) {
      if (ids === undefined) return app.db.users.list(query)
      if (query.query !== undefined || query.cursor !== undefined) {
        throw new ChatError('VALIDATION_FAILED', { detail: 'querystring must have either ids, or query and cursor' })
      }
      return { items: await app.db.users.findAll([...new Set(ids.split(',').map(Number))]) }
    }
  })

  app.route({
    method: 'GET',
    url: '/:user_id',
    schema: {
      operationId: 'getUser',
      summary: 'One account',
      description: 'An account as others see it.',
      tags,
      params: UserParams,
      response: replies({ 200: ref(User) }, 400, 401, 404)
    },
    async handler({ params }) {
      const user = await app.db.users.find(params.user_id)
      if (!user) throw new ChatError('USER_NOT_FOUND')
      return user
    }
  })

  app.route({
    method: 'PATCH',
    url: '/me',
    schema: {
      operationId: 'changeMe',
      summary: 'Change how others see me',
      description: 'Changes my display name, my `data`, or both. The username stays.',
      tags,
      body: ProfileChange,
      response: replies({ 200: ref(User) }, 400, 401, 403, 429, 503)
    },
    handler: async ({ body, caller }) => app.db.users.setProfile(caller.user.id, body)
  })
}

export default userRoutes
