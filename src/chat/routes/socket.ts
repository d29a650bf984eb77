import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { ChatError } from '../../errors.ts'
import { nothing } from '../../schemas/common.ts'
import { SUBPROTOCOL } from '../../schemas/frame.ts'
import { SocketQuery, UNREAD_ITEMS } from '../../schemas/socket.ts'
import { ACCESS_ERRORS } from '../access.ts'
import type { SocketChats } from '../delivery/admission.ts'
import type { Cursor } from '../delivery/cursor.ts'
import type { ChatServices } from '../services.ts'

/** Max sockets of a user on a node. */
const MAX_SOCKETS_PER_USER = 1000

const DESCRIPTION = `
Opens a WebSocket with the session cookie. All checks come before the upgrade: a refused request gets an HTTP error.

**Plain**, for one chat: send \`{"message":"Hello everyone in the chat!"}\`. The message is stored, and every *other*
socket of the chat receives \`{"type":"message", …}\` with the keys of a message. The reply to an invalid
frame is \`{"type":"error","code":"…","detail":"…"}\`, and the socket stays open.

**With the subprotocol \`confab.v1\`**, for one chat or, without \`chat_id\`, for all of your chats: also acks, changes,
resume, typing, presence and read markers. [/asyncapi](/asyncapi) describes all frames and close codes.
`.trim()

declare module 'fastify' {
  interface FastifyRequest {
    /** The chats of the socket that this request opens. */
    socketChats: SocketChats
  }
}

/** The handshake of sockets: checks the request, upgrades it, and hands the socket over to the services. */
const socketRoutes: FastifyPluginAsyncTypebox<ChatServices & Config> = async (app, options) => {
  const { departures, registry, rooms, accept, dispatch, admission, rateLimits } = options
  app.decorateRequest('socketChats')

  /** Finds the chat of the query. Without `chat_id`, all chats of the user, if the client speaks the subprotocol. */
  async function findChats(request: FastifyRequest): Promise<void> {
    const { chat_id, after } = request.query as { chat_id?: number; after?: number }
    // White space is allowed on both sides of a comma (RFC 9110, section 5.6.1).
    const protocols = request.headers['sec-websocket-protocol']?.split(',').map(protocol => protocol.trim())
    const v1 = protocols?.includes(SUBPROTOCOL)
    const since = departures.version
    if (chat_id !== undefined) {
      await app.access.member(request)
      const { seq } = request.membership
      const state = v1 ? await app.db.members.readState(chat_id, request.caller.user.id) : { read_id: 0 }
      request.socketChats = { chats: [{ chat_id, seq, ...state }], since }
      return
    }
    if (after !== undefined || !v1) {
      const detail = "querystring must have required property 'chat_id'"
      throw new ChatError('VALIDATION_FAILED', { detail, field: 'chat_id' })
    }
    request.socketChats = { chats: await findAll(request.caller.user.id), since }
  }

  /** All chats of a user, latest activity first. The first ones have `unread_count`. */
  async function findAll(user_id: number): Promise<SocketChats['chats']> {
    const heads = await app.db.chats.heads(user_id)
    const counts = await app.db.chats.unread(user_id, heads.slice(0, UNREAD_ITEMS))
    return heads.map((head, i) => {
      const unread_count = counts[i]
      return unread_count === undefined ? head : { ...head, unread_count }
    })
  }

  async function limitSockets({ caller }: FastifyRequest): Promise<void> {
    if (!rateLimits || registry.ofUser(caller.user.id).size < MAX_SOCKETS_PER_USER) return
    throw new ChatError('TOO_MANY_SOCKETS', { retryAfter: 30 })
  }

  app.route({
    method: 'GET',
    url: '/ws',
    preHandler: [findChats, limitSockets],
    schema: {
      operationId: 'openSocket',
      summary: 'Open a WebSocket',
      description: DESCRIPTION,
      tags: ['Socket'],
      querystring: SocketQuery,
      response: { 101: nothing('The connection now speaks WebSocket') },
      errors: [...ACCESS_ERRORS.member, 'FOREIGN_ORIGIN', 'TOO_MANY_SOCKETS', 'UPGRADE_REQUIRED']
    },
    async handler(_request, reply) {
      reply.header('upgrade', 'websocket')
      throw new ChatError('UPGRADE_REQUIRED')
    },
    wsHandler(socket, request) {
      const { chat_id, after } = request.query
      const cursors = new Map<number, Cursor>()
      const connection = accept(socket, request, chat_id, dispatch(chat_id, cursors))
      rooms.register(connection, cursors)
      admission.admit(connection, request.socketChats, after)
    }
  })
}

export default socketRoutes
