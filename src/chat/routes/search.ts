import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Page, page, ref } from '../../schemas/common.ts'
import { FoundMessage, SearchQuery } from '../../schemas/message.ts'
import { ACCESS_ERRORS } from '../access.ts'
import { SearchScheduler, type Work } from './search-scheduler.ts'

const ITEM = ref(FoundMessage)

/** Max searches of a user per time window (in milliseconds): more than a person types. */
const RATE_LIMIT = {
  max: 100,
  timeWindow: 10_000,
  hook: 'preHandler' as const,
  keyGenerator: ({ caller }: FastifyRequest) => String(caller.user.id)
}

/** Runs a search and encodes its page item by item: long texts would block the event loop if encoded at once. */
async function* toJson(search: Work<Page<FoundMessage>>, serialize: (item: FoundMessage) => string): Work<Buffer> {
  const { items, next_cursor } = yield* search
  const pieces: Buffer[] = []
  for (const item of items) {
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{"items":[' : ','}${serialize(item)}`))
    yield
  }
  const end = next_cursor === undefined ? ']}' : `],"next_cursor":${JSON.stringify(next_cursor)}}`
  return Buffer.concat([...pieces, Buffer.from(pieces.length === 0 ? `{"items":[${end}` : end)])
}

/** Full-text search in messages. */
const searchRoutes: FastifyPluginAsyncTypebox = async app => {
  const scheduler = new SearchScheduler()

  app.route({
    method: 'GET',
    url: '/search',
    config: { rateLimit: RATE_LIMIT },
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
      const serialize = reply.compileSerializationSchema(ITEM) as (item: FoundMessage) => string
      const search = app.db.search.find(caller.user.id, query)
      const body = await scheduler.run(caller.user.id, toJson(search, serialize), signal)
      reply.type('application/json; charset=utf-8')
      // Without a body, the client has disconnected. `as never`: the bytes are the JSON of the schema, which the types of
      // the route cannot express.
      return (body ?? '') as never
    }
  })
}

export default searchRoutes
