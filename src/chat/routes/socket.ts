import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { Config } from '../../config.ts'
import { ChatError } from '../../errors.ts'
import { nothing, replies } from '../../schemas/common.ts'
import { incomingFrames, SocketQuery, SUBPROTOCOL } from '../../schemas/frame.ts'
import { actor } from '../actions/act.ts'
import { Connection } from '../connection.ts'
import { frameReader } from '../frames.ts'
import { HEARTBEAT_MS } from '../heartbeat.ts'
import type { ChatServices } from '../plugin.ts'

/** Sockets a user may have on a node. */
const SOCKETS_PER_USER = 1000

const DESCRIPTION = `
A WebSocket, opened with the session cookie. Everything that can be refused is refused before the upgrade.

**Plain**, for one chat: send \`{"message":"Hello everyone in the chat!"}\`. It is stored, and every *other* socket of
the chat receives \`{"type":"message", …}\` with the keys of a message. A frame that cannot be accepted is answered by
\`{"type":"error","code":"…","detail":"…"}\`, and the socket stays open.

**With the subprotocol \`confab.v1\`**, for one chat or, without \`chat_id\`, for all of mine: also acks, changes, resume,
typing, presence and read markers. Its frames are described at [/asyncapi](/asyncapi).

Close codes: 1001 going away, 1003 binary frame, 1007 bad UTF-8, 1008 flooding, 1009 frame over 64 KiB, 1011 internal,
1012 restart, 4401 session ended (log in), 4403 removed from the chat (do not retry), 4408 too slow.
`.trim()

const readPlain = frameReader(['send'])
const readV1 = frameReader(Object.keys(incomingFrames) as (keyof typeof incomingFrames)[])

declare module 'fastify' {
  interface FastifyRequest {
    /** The chats that the socket of this request is for, and how far each has come. */
    heads: { chat_id: number; seq: number }[]
  }
}

/** The way in for sockets. */
const socketRoutes: FastifyPluginAsyncTypebox<ChatServices & Config> = async (app, options) => {
  const { log, rooms, sockets, heartbeat, expiry, rateLimits } = options
  const act = actor(app, log)
  app.decorateRequest('heads')

  /** The chat of the query, when the caller is in it; without one, all of theirs, when the client can tell them apart. */
  async function findChats(request: FastifyRequest): Promise<void> {
    const { chat_id, after } = request.query as { chat_id?: number; after?: number }
    if (chat_id !== undefined) {
      await app.access.member(request)
      request.heads = [{ chat_id, seq: request.membership.seq }]
      return
    }
    // White space may stand on both sides of a comma (RFC 9110, section 5.6.1).
    const protocols = request.headers['sec-websocket-protocol']?.split(',').map(protocol => protocol.trim())
    if (after !== undefined || !protocols?.includes(SUBPROTOCOL)) {
      throw new ChatError('VALIDATION_FAILED', { detail: "querystring must have required property 'chat_id'" })
    }
    request.heads = await app.db.chats.heads(request.caller.user.id)
  }

  async function limitSockets({ caller }: FastifyRequest): Promise<void> {
    if (!rateLimits || sockets.ofUser(caller.user.id).size < SOCKETS_PER_USER) return
    throw new ChatError('TOO_MANY_SOCKETS', { retryAfter: 30 })
  }

  app.route({
    method: 'GET',
    url: '/ws',
    preHandler: [findChats, limitSockets],
    schema: {
      operationId: 'openSocket',
      summary: 'Messages as they are sent',
      description: DESCRIPTION,
      tags: ['Socket'],
      querystring: SocketQuery,
      response: replies({ 101: nothing('The connection now speaks WebSocket') }, 400, 401, 403, 404, 426, 429, 503)
    },
    async handler(_request, reply) {
      reply.header('upgrade', 'websocket')
      throw new ChatError('UPGRADE_REQUIRED')
    },
    wsHandler(socket, { raw, caller, query, heads }) {
      letGo(socket, raw)
      const { chat_id, after } = query
      const connection = new Connection(socket, {
        stream: raw.socket,
        caller,
        chat_id,
        bucket: rateLimits ? sockets.bucketOf(caller.user.id) : undefined,
        log: app.log,
        sockets: () => sockets.all.size,
        read: socket.protocol === SUBPROTOCOL ? readV1 : readPlain,
        act,
        pinged: () => expiry.check(connection),
        closed() {
          stopBeating()
          expiry.forget(connection)
          sockets.remove(connection)
          rooms.leaveAll(connection)
        }
      })
      const stopBeating = heartbeat.add(connection)
      sockets.add(connection)
      const session_expires_at = new Date(caller.session_expires_at).toISOString()
      connection.tell({
        type: 'ready',
        user: caller.user,
        chats: heads,
        heartbeat_ms: HEARTBEAT_MS,
        session_expires_at
      })
      for (const { chat_id, seq } of heads)
        rooms.enter(connection, chat_id, after ?? seq, connection.v1 && after !== undefined)
      expiry.check(connection)
    }
  })
}

/**
 * Once upgraded, a socket needs nothing of its request: but the plugin's listener and Node's response hold on to it,
 * with its headers and hooks, for half of the memory of an idle connection.
 */
function letGo(socket: WebSocket, raw: IncomingMessage): void {
  socket.removeAllListeners('error')
  socket.on('error', endSocket)
  const response: ServerResponse | undefined = Reflect.get(raw.socket, '_httpMessage')
  response?.detachSocket(raw.socket)
}

/** Resets and protocol errors are the peer's: ws is closing by now, with a code of its choice (1002, 1007, 1009). */
function endSocket(this: WebSocket): void {
  this.close(1011, 'internal error')
}

export default socketRoutes
