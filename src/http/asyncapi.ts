import type { TSchema } from '@sinclair/typebox'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { CLOSE_CODES } from '../schemas/close-codes.ts'
import { incomingFrames, outgoingFrames, SUBPROTOCOL } from '../schemas/frame.ts'
import { incomingExamples, outgoingExamples } from '../schemas/frame-examples.ts'
import { SocketQuery } from '../schemas/socket.ts'
import { REVALIDATED } from './headers.ts'
import { SHARED } from './openapi.ts'
import { VERSION } from './version.ts'

const PLAIN = `
A socket for one chat. Send a text: it is stored, and every *other* socket of the chat receives it. The socket receives
new messages and \`error\` only.
`.trim()

const V1 = `
The socket also has acks, changes, resume, typing, presence and read markers. Without \`chat_id\` it carries all chats of
the user, those that they join later, too.
`.trim()

const DESCRIPTION = `
The WebSocket of Confab. The HTTP API is described at [/docs](/docs), to try it, and at [/redoc](/redoc), to read it.

## Connecting

Log in with \`POST /auth/login\`; the upgrade of \`/ws\` needs the cookie that it sets. There are two kinds of socket.

**Plain**, for any WebSocket client: \`/ws?chat_id=123\` without a subprotocol. ${PLAIN}

**${SUBPROTOCOL}**, with \`Sec-WebSocket-Protocol: ${SUBPROTOCOL}\`: \`/ws?chat_id=123\`, or \`/ws\` for all chats. ${V1}

In both, \`&after=57\` first sends the messages above that number of the chat. Everything that can be refused is refused
before the upgrade, over HTTP:

| status | why |
|---|---|
| 400 | \`chat_id\` is missing, repeated or not an id |
| 401 | No valid session in the cookie: log in |
| 403 | Not a member of the chat, or a page of a foreign \`Origin\` |
| 404 | Chat not found |
| 426 | Not a WebSocket upgrade |
| 429, 503 | Too many sockets, or overloaded: retry after \`Retry-After\` seconds |

## A chat is a log, a socket is a cursor

Every durable change in a chat takes its next number, \`seq\`: 1, 2, 3 and so on, without holes. The \`id\` of a message is
the number at which it was created, and its \`seq\` the number of its latest change. A \`message\` frame always has the
whole message in its current state. So keep messages by \`id\`, replace those that you hold, and remember the highest
\`seq\` that a frame brought in each chat: your cursor. Give it as \`after\`, or in \`resume\`: you get everything above it
in ascending \`seq\`, each message in its final state, and then the live stream. There is no time limit.

## What is promised

1. An \`ack\` means that the message is committed and on disk. Nothing is broadcast before.
2. Every socket receives the messages of a chat in ascending \`seq\`, misses none and gets none twice. The only numbers
   that it may not see are states that a later frame has replaced.
3. A \`client_id\` never makes a second message.
4. A slow reader loses nothing: its messages wait in the database until the socket has caught up. Of typing, presence,
   read markers and chat updates, it then gets the latest state. A socket that reads nothing for 30 s is closed with 4408.
5. When a session ends or a member is removed, the server closes or notifies their sockets within a second.

## Limits

Frames are text of at most 160 KiB, in at most 2,048 pieces. The sockets of an account may send 100 frames a second
together, 300 at once; more are refused with \`RATE_LIMITED\`. A socket with more than 10 refusals a second, for longer
than 100 refusals, is closed with 1008. The server pings every 25 s and disconnects a client that misses two pings. An
account has at most 1000 sockets on a node.

## When a socket closes

| code | why | then |
|---|---|---|
${CLOSE_CODES.map(({ code, why, next }) => `| ${code} | ${why} | ${next} |`).join('\n')}

Wait for a random time before reconnecting, from 0.5 s up to a bound that doubles with each attempt and ends at 20 s.
Do not reconnect after a code that is not in this table.
`.trim()

const TAGS = {
  plain: { name: 'Plain socket' },
  client: { name: `${SUBPROTOCOL}: you send`, description: 'Frames of clients. The action of the server is `receive`' },
  server: { name: `${SUBPROTOCOL}: you get`, description: 'Frames of the server. Its action is `send`' }
}

/** The `components` of the document: the messages, and the schemas that they use. */
class Components {
  readonly schemas: Record<string, object> = {}
  readonly messages: Record<string, object> = {}

  /** Adds a message for each frame, named by its type and by who sends it. */
  add(sender: 'client' | 'server', frames: Record<string, TSchema>, examples: Record<string, Record<string, object>>) {
    for (const [type, schema] of Object.entries(frames)) {
      this.messages[`${sender}.${type}`] = {
        name: type,
        title: type,
        description: schema.description,
        payload: this.#embed(schema),
        examples: Object.entries(examples[type] as object).map(([name, payload]) => ({ name, payload }))
      }
    }
  }

  /**
   * Returns a schema with a reference in place of each part that has a name, and adds those parts to `components`.
   * Generators call parts without a name `AnonymousSchema_1` and so on.
   */
  #embed(part: unknown): unknown {
    if (Array.isArray(part)) return part.map(item => this.#embed(item))
    if (typeof part !== 'object' || part === null) return part
    if ('$ref' in part) return this.#embed(SHARED.find(({ $id }) => part.$ref === `${$id}#`))
    const { $id, ...schema } = part as { $id?: string; title?: unknown }
    // `title` can also be a property, as in a chat. Then it is a schema, not a text.
    const name = $id ?? (typeof schema.title === 'string' ? schema.title : undefined)
    const embedded = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#embed(value)]))
    if (name === undefined) return embedded
    this.schemas[name] ??= { title: name, ...embedded }
    return reference('components', 'schemas', name)
  }
}

function reference(...path: string[]) {
  return { $ref: `#/${path.join('/')}` }
}

/** A channel: one way to use the socket, with its messages, and the query and headers of its upgrade. */
function channel(title: string, description: string, messages: string[], query: object, headers: object) {
  return {
    address: '/ws',
    title,
    description,
    messages: Object.fromEntries(messages.map(name => [name, reference('components', 'messages', name)])),
    bindings: { ws: { method: 'GET', query, headers, bindingVersion: '0.1.0' } }
  }
}

/** An operation: the server receives or sends one message of a channel. */
function operation(channelName: string, message: string, tag: { name: string }) {
  const [sender] = message.split('.')
  return {
    action: sender === 'client' ? 'receive' : 'send',
    channel: reference('channels', channelName),
    messages: [reference('channels', channelName, 'messages', message)],
    tags: [tag]
  }
}

/** Builds the document without `servers`, which depend on the request. */
function describe(cookie: string) {
  const components = new Components()
  components.add('client', incomingFrames, incomingExamples)
  components.add('server', outgoingFrames, outgoingExamples)
  const names = Object.keys(components.messages)
  const plain = ['client.send', 'server.message', 'server.error']

  const { chat_id, after } = SocketQuery.properties
  const query = (required: string[]) => ({ type: 'object', properties: { chat_id, after }, required })
  const protocol = { type: 'string', const: SUBPROTOCOL, description: 'Asks for the subprotocol' }
  const headers = (properties: object) => ({ type: 'object', properties, required: Object.keys(properties) })

  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Confab',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
      tags: Object.values(TAGS)
    },
    defaultContentType: 'application/json',
    channels: {
      plain: channel('Plain', PLAIN, plain, query(['chat_id']), headers({})),
      [SUBPROTOCOL]: channel(SUBPROTOCOL, V1, names, query([]), headers({ 'Sec-WebSocket-Protocol': protocol }))
    },
    operations: Object.fromEntries([
      ...plain.map(name => [`plain.${name}`, operation('plain', name, TAGS.plain)]),
      ...names.map(name => [name, operation(SUBPROTOCOL, name, name.startsWith('client.') ? TAGS.client : TAGS.server)])
    ]),
    components: {
      ...components,
      securitySchemes: {
        session: {
          type: 'httpApiKey',
          in: 'cookie',
          name: cookie,
          description: 'The session, set by `POST /auth/login`. HttpOnly. The server reads no other credential.'
        }
      }
    }
  }
}

/** The server with the host and protocol of the request. */
function serverOf({ host, protocol }: FastifyRequest) {
  return {
    host: host || 'localhost',
    protocol: protocol === 'https' ? 'wss' : 'ws',
    description: 'This server',
    security: [reference('components', 'securitySchemes', 'session')]
  }
}

/** The AsyncAPI document of the socket, generated from the schemas that check its frames. */
const asyncapi: FastifyPluginAsync<Config> = async (app, { cookie }) => {
  const { asyncapi, info, ...rest } = describe(cookie.name)
  app.get('/asyncapi.json', { schema: { hide: true } }, async (request, reply) => {
    reply.headers(REVALIDATED)
    return { asyncapi, info, servers: { confab: serverOf(request) }, ...rest }
  })
}

export default asyncapi
