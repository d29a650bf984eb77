import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Config } from '../../config.ts'
import { ChatError } from '../../errors.ts'
import { nothing, replies } from '../../schemas/common.ts'
import { SocketQuery } from '../../schemas/frame.ts'
import { bodyCompiler } from '../../validation.ts'
import { send } from '../actions/send.ts'
import { Connection } from '../connection.ts'
import { frameReader } from '../frames.ts'
import type { ChatServices } from '../plugin.ts'

/** Sockets a user may have on a node. */
const SOCKETS_PER_USER = 1000

const DESCRIPTION = `
A WebSocket for one chat, opened with the session cookie. Everything that can be refused is refused before the upgrade.

Send \`{"message":"Hello everyone in the chat!"}\`: it is stored, and every *other* socket of the chat then receives
\`{"type":"message", …}\` with the keys of a message. A frame that cannot be accepted is answered by
\`{"type":"error","code":"…","detail":"…"}\`, and the socket stays open.

Close codes: 1001 going away, 1003 binary frame, 1007 bad UTF-8, 1008 flooding, 1009 frame over 64 KiB, 1011 internal,
1012 restart, 4401 session ended (log in), 4403 removed from the chat (do not retry).
`.trim()

/** The way in for sockets. */
const socketRoutes: FastifyPluginAsyncTypebox<ChatServices & Config> = async (app, { log, rooms, rateLimits }) => {
  const read = frameReader(bodyCompiler())

  app.route({
    method: 'GET',
    url: '/ws',
    preHandler: [
      app.access.member,
      async ({ caller }) => {
        if (rateLimits && rooms.countOf(caller.user.id) >= SOCKETS_PER_USER) {
          throw new ChatError('TOO_MANY_SOCKETS', { retryAfter: 30 })
        }
      }
    ],
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
    wsHandler(socket, request) {
      const connection = new Connection(socket, {
        stream: request.raw.socket,
        caller: request.caller,
        chat_id: request.query.chat_id,
        rateLimits,
        log: request.log,
        read,
        act: (connection, frame) => send(log, connection, frame),
        closed: connection => rooms.remove(connection)
      })
      rooms.add(connection)
    }
  })
}

export default socketRoutes
