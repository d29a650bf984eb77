import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Page, page, ref } from '../../schemas/common.ts'
import { FoundMessage, SearchQuery } from '../../schemas/message.ts'
import { ACCESS_ERRORS } from '../access.ts'
import { Searches, type Work } from './search-scheduler.ts'

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
      summary: 'Search messages',
      description:
        'Finds messages that have all of the words, in your chats or in one of them, newest first. The result has every message that was sent or edited before the request, in its current state, and no deleted ones. The searches of an account run one after the other. A search ends when its connection is closed.',
      tags: ['Search'],
      querystring: SearchQuery,
      response: { 200: page(ITEM) },
      errors: [...ACCESS_ERRORS.member]
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
