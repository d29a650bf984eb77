import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Page, page, ref, replies } from '../../schemas/common.ts'
import { FoundMessage, SearchQuery } from '../../schemas/message.ts'
import { Searches, type Work } from '../searches.ts'

const ITEM = ref(FoundMessage)

/** Searches of a user: more than anybody types, less than keeps the server from the others. */
const SEARCHES = {
  max: 100,
  timeWindow: 10_000,
  hook: 'preHandler' as const,
  keyGenerator: ({ caller }: FastifyRequest) => String(caller.user.id)
}

/** A page as JSON, an item at a time: all at once would take too long when texts are long. */
async function* toJson(found: Work<Page<FoundMessage>>, write: (item: FoundMessage) => string): Work<Buffer> {
  const { items, next_cursor } = yield* found
  const pieces: Buffer[] = []
  for (const item of items) {
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{"items":[' : ','}${write(item)}`))
    yield
  }
  const end = next_cursor === undefined ? ']}' : `],"next_cursor":${JSON.stringify(next_cursor)}}`
  return Buffer.concat([...pieces, Buffer.from(pieces.length === 0 ? `{"items":[${end}` : end)])
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
      response: replies({ 200: page(ITEM) }, 400, 401, 403, 404, 429, 503)
    },
    async preHandler(request) {
      if (request.query.chat_id !== undefined) await app.access.member(request)
    },
    async handler({ query, caller, signal }, reply) {
      const write = reply.compileSerializationSchema(ITEM) as (item: FoundMessage) => string
      const found = app.db.search.find(caller.user.id, query)
      const body = await searches.run(caller.user.id, toJson(found, write), signal)
      reply.type('application/json; charset=utf-8')
      // Already what the schema says, in bytes, which the types of the route cannot know. Without a body, nobody reads it.
      return (body ?? '') as never
    }
  })
}

export default searchRoutes
