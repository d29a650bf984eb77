import swagger from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { Chat, Member, PublicChat, ReadState } from '../schemas/chat.ts'
import { ErrorBody, ErrorCode } from '../schemas/common.ts'
import { Changes, FoundMessage, History, Message, Reaction } from '../schemas/message.ts'
import { Session, User } from '../schemas/user.ts'
import { REVALIDATED } from './headers.ts'
import { COMMON_REPLIES, complete, HEADERS, type Operation } from './operations.ts'
import { VERSION } from './version.ts'

/** The schemas that replies and frames reference by name. */
export const SHARED: TSchema[] = [
  ErrorCode,
  ErrorBody,
  User,
  Session,
  Reaction,
  Message,
  History,
  Changes,
  FoundMessage,
  PublicChat,
  Chat,
  Member,
  ReadState
]

const description = (cookie: string) =>
  `
Accounts, chats, stored messages, and a WebSocket that delivers them.

**Log in first:** \`POST /auth/register\`, then \`POST /auth/login\`. The reply sets the HttpOnly cookie
\`${cookie}\`, which every other operation needs. Browsers then send it by themselves.

**The idea:** a chat is a log. Every durable change in a chat takes its next number, \`seq\`. The \`id\` of a message is
the number at which it was created, and its \`seq\` the number of its latest change.

**Conventions:** JSON in UTF-8. Times are ISO 8601 in UTC with milliseconds. Missing values are omitted; \`null\` is never
used. Unknown keys in a request are refused. In a reply, ignore keys that you do not know. A chat that you may not know of
answers 404, like a chat that does not exist.

**Errors** have one shape. Programs should check \`code\`. On 429 and 503, retry after the number of seconds in
\`Retry-After\`. Each operation lists its errors. These belong to no operation:

- 400 \`BAD_REQUEST\`: the request is not HTTP.
- 404 \`NOT_FOUND\`: nothing is at the address, or it does not support the method. \`Allow\` then has those that it supports.
- 408 \`REQUEST_TIMEOUT\`: the request took more than 30 s to arrive, or its headers more than 15 s.
- 417 \`EXPECTATION_FAILED\`: \`Expect\` has another value than \`100-continue\`.
- 431 \`HEADERS_TOO_LARGE\`: the headers have more than 16 KiB.

**More:** try this API at [/docs](/docs), read it at [/redoc](/redoc). The WebSocket is described at
[/asyncapi](/asyncapi), for programs at [/asyncapi.json](/asyncapi.json).
`.trim()

const TAGS = [
  { name: 'Accounts', description: 'Register, log in, change the password' },
  { name: 'Sessions', description: 'The current user, and the devices that are logged in' },
  { name: 'Users', description: 'Find people, change your profile' },
  { name: 'Chats', description: 'Groups, direct chats, public chats' },
  { name: 'Members', description: 'The members of a chat and their roles' },
  { name: 'Messages', description: 'History, sending, editing, deleting' },
  { name: 'Reactions', description: 'Emoji on messages' },
  { name: 'Search', description: 'Find messages by their words' },
  { name: 'Socket', description: 'The WebSocket' },
  { name: 'Health', description: 'For load balancers and supervisors' }
]

/** Generates the OpenAPI document from the schemas of all routes that are registered after this plugin. */
async function openapi(app: FastifyInstance, { cookie }: Config): Promise<void> {
  for (const schema of SHARED) app.addSchema(schema)
  const routes = new Map<string, RouteOptions>()
  app.addHook('onRoute', route => {
    const name = route.schema?.operationId
    if (name && route.method !== 'HEAD') routes.set(name, route)
  })

  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Confab',
        version: VERSION,
        description: description(cookie.name),
        license: { name: 'MIT', identifier: 'MIT' }
      },
      tags: TAGS,
      components: {
        headers: HEADERS,
        responses: COMMON_REPLIES,
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: cookie.name, description: 'Set by `POST /auth/login`' }
        }
      },
      security: [{ session: [] }]
    },
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }) => String($id) },
    transformObject(document) {
      const { openapiObject } = document as { openapiObject: { paths: Record<string, Record<string, Operation>> } }
      for (const operation of Object.values(openapiObject.paths).flatMap(Object.values)) {
        complete(operation, routes.get(operation.operationId) as RouteOptions)
      }
      return openapiObject
    }
  })

  app.get('/openapi.json', { schema: { hide: true } }, async ({ host, protocol }, reply) => {
    reply.headers(REVALIDATED)
    const servers = [{ url: `${protocol}://${host || 'localhost'}`, description: 'This server' }]
    return { ...app.swagger(), servers }
  })
}

export default fp(openapi, { name: 'openapi' })
