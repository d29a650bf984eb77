import swagger from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { Chat, Member, PublicChat, ReadState } from '../schemas/chat.ts'
import { ErrorBody } from '../schemas/common.ts'
import { Changes, FoundMessage, History, Message, Reaction } from '../schemas/message.ts'
import { Session, User } from '../schemas/user.ts'
import { REVALIDATED } from './headers.ts'
import { VERSION } from './version.ts'

/** The schemas that replies and frames refer to by name. */
export const SHARED: TSchema[] = [
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

const DESCRIPTION = `
Accounts, chats, stored messages, and a WebSocket that delivers them.

**Log in first:** \`POST /auth/register\`, then \`POST /auth/login\`. The reply sets the HttpOnly cookie
\`access_token\`, and every other operation on this page then works with "Try it out".

**The idea:** a chat is a log. Every durable change takes the next number of its chat, \`seq\`. A message's \`id\` is
the number at which it was created, and its \`seq\` the number of its latest change.

**Conventions:** JSON in UTF-8. Times are ISO 8601 in UTC with milliseconds. What is absent is left out, never
\`null\`. Unknown keys in a request are refused. A chat that you may not know of answers 404, like one that does not
exist.

**The socket**, its frames and its promises have [a reference of their own](/asyncapi), and so a document,
[/asyncapi.json](/asyncapi.json). These operations are shown [to be tried out](/docs) and [to be read](/redoc).
`.trim()

const TAGS = [
  { name: 'Accounts', description: 'Registering, logging in, passwords' },
  { name: 'Sessions', description: 'Who I am and where I am logged in' },
  { name: 'Users', description: 'Finding people' },
  { name: 'Chats', description: 'Groups, direct chats, public chats' },
  { name: 'Members', description: 'Who is in a chat, and with which role' },
  { name: 'Messages', description: 'History, sending, editing, deleting, read markers' },
  { name: 'Reactions', description: 'An emoji on a message' },
  { name: 'Search', description: 'Finding what was said' },
  { name: 'Socket', description: 'Messages as they are sent' },
  { name: 'Health', description: 'For load balancers and supervisors' }
]

/** The OpenAPI document, generated from the schemas of the routes that are registered after this. */
async function openapi(app: FastifyInstance, { cookie }: Config): Promise<void> {
  for (const schema of SHARED) app.addSchema(schema)
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Confab',
        version: VERSION,
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' }
      },
      tags: TAGS,
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: cookie.name, description: 'Set by `POST /auth/login`' }
        }
      },
      security: [{ session: [] }]
    },
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }) => String($id) }
  })

  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.headers(REVALIDATED)
    return app.swagger()
  })
}

export default fp(openapi, { name: 'openapi' })
