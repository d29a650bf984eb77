import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ChatError } from '../../errors.ts'
import { page, ref } from '../../schemas/common.ts'
import { ProfileChange, User, UserParams, UserQuery } from '../../schemas/user.ts'

const tags = ['Users']

/** Routes that find users, and change the profile of the current user. */
const userRoutes: FastifyPluginAsyncTypebox = async app => {
  app.addHook('preValidation', app.authenticate)
  app.addHook('preHandler', app.limitChanges)

  app.route({
    method: 'GET',
    url: '',
    schema: {
      operationId: 'listUsers',
      summary: 'Find users',
      description:
        'Lists accounts in the order of their usernames: all, those whose username or display name begins with `query`, or those of `ids`.',
      tags,
      querystring: UserQuery,
      response: { 200: page(ref(User)) }
    },
    async handler({ query: { ids, ...query } }) {
      if (ids === undefined) return app.db.users.list(query)
      if (query.query !== undefined || query.cursor !== undefined) {
        const detail = 'querystring must have either ids, or query and cursor'
        throw new ChatError('VALIDATION_FAILED', { detail, field: 'ids' })
      }
      return { items: await app.db.users.findAll([...new Set(ids.split(',').map(Number))]) }
    }
  })

  app.route({
    method: 'GET',
    url: '/:user_id',
    schema: {
      operationId: 'getUser',
      summary: 'Get a user',
      description: 'Returns an account as others see it.',
      tags,
      params: UserParams,
      response: { 200: ref(User) },
      errors: ['USER_NOT_FOUND']
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
      summary: 'Change my profile',
      description: 'Changes your display name, your `data`, or both. A username cannot be changed.',
      tags,
      body: ProfileChange,
      response: { 200: ref(User) }
    },
    handler: async ({ body, caller }) => app.db.users.setProfile(caller.user.id, body)
  })
}

export default userRoutes
