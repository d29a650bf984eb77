import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { page, ref, replies } from '../../schemas/common.ts'
import { FoundMessage, SearchQuery } from '../../schemas/message.ts'
import { Searches } from '../searches.ts'

/** What a user may ask for: more than anybody types, less than keeps the server from the others. */
const SEARCHES = {
  max: 100,
  timeWindow: 10_000,
  hook: 'preHandler' as const,
  keyGenerator: ({ caller }: FastifyRequest) => String(caller.user.id)
}

/** Finding messages by their words. */
const searchRoutes: FastifyPluginAsyncTypebox = async app => {
  const searches = new Searches()

  app.route({
    method: 'GET',
    url: '/search',
    config: { rateLimit: SEARCHES },
    schema: {
      operationId: 'searchMessages',
      summary: 'Find messages',
      description:
        'Messages of my chats, or of one of them, that have all the words, newest first. Everything sent or edited before ' +
        'the request is found as it now is; what was deleted is not. The searches of an account are done one after the ' +
        'other; a search ends when its connection is closed.',
      tags: ['Search'],
      querystring: SearchQuery,
      response: replies({ 200: page(ref(FoundMessage)) }, 400, 401, 403, 404, 429, 503)
    },
    async preHandler(request) {
      if (request.query.chat_id !== undefined) await app.access.member(request)
    },
    async handler({ query, caller, signal }) {
      const found = await searches.run(caller.user.id, app.db.search.find(caller.user.id, query), signal)
      // Without a result, nobody reads this.
      return found ?? { items: [] }
    }
  })
}

export default searchRoutes
