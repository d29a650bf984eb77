import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ChatError } from '../../errors.ts'
import {
  Chat,
  ChatChange,
  ChatParams,
  NewChat,
  NewDirectChat,
  PublicChat,
  PublicChatQuery,
  ReadMarker,
  ReadState
} from '../../schemas/chat.ts'
import { nothing, PageQuery, page, ref, replies } from '../../schemas/common.ts'
import { tellRead } from '../actions/read.ts'
import type { ChatServices } from '../plugin.ts'
import { KeptBodies } from './kept.ts'
import { viewChat } from './view.ts'

const tags = ['Chats']
/** Lists of chats that are kept, in bytes. */
const LISTS_BYTES = 16 * 1024 * 1024

/** Making, finding, changing and deleting chats, and how far I have read. */
const chatRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  const lists = new KeptBodies(LISTS_BYTES)

  app.route({
    method: 'POST',
    url: '/chats',
    schema: {
      operationId: 'createChat',
      summary: 'Make a chat',
      description: 'Makes a group of which I am the owner.',
      tags,
      body: NewChat,
      response: replies({ 201: ref(Chat) }, 400, 401, 403, 404, 503)
    },
    async handler({ body, caller }, reply) {
      const ids = body.member_ids ?? []
      if ((await app.db.users.count(ids)) < ids.length) throw new ChatError('USER_NOT_FOUND')
      const id = await app.db.chats.create(caller.user.id, body)
      app.bus.publish({ type: 'members_added', chat_id: id, user_ids: [caller.user.id, ...ids] })
      return reply.code(201).send(await viewChat(app, id, caller.user.id))
    }
  })

  app.route({
    method: 'POST',
    url: '/chats/direct',
    schema: {
      operationId: 'openDirectChat',
      summary: 'Open the direct chat with somebody',
      description:
        '201 when it was made now, 200 when the two already had one. There is never a second one for a pair.',
      tags,
      body: NewDirectChat,
      response: replies({ 200: ref(Chat), 201: ref(Chat) }, 400, 401, 403, 404, 503)
    },
    async handler({ body: { user_id }, caller }, reply) {
      if (user_id === caller.user.id) {
        throw new ChatError('VALIDATION_FAILED', { detail: 'body/user_id must be somebody else' })
      }
      if (!(await app.db.users.find(user_id))) throw new ChatError('USER_NOT_FOUND')
      const { id, created } = await app.db.chats.direct(caller.user.id, user_id)
      if (created) app.bus.publish({ type: 'members_added', chat_id: id, user_ids: [caller.user.id, user_id] })
      return reply.code(created ? 201 : 200).send(await viewChat(app, id, caller.user.id))
    }
  })

  app.route({
    method: 'GET',
    url: '/chats',
    schema: {
      operationId: 'listChats',
      summary: 'My chats',
      description:
        'The chats that I am a member of, latest activity first. A chat that becomes active while I read the pages moves ' +
        'to the first one, and is then missing in those that follow: a client that needs all of them goes by `ready`.',
      tags,
      querystring: PageQuery,
      response: replies({ 200: page(ref(Chat)) }, 400, 401)
    },
    async handler({ query, caller }, reply) {
      // Later pages are seldom asked for, and each cursor is another.
      const version = query.cursor === undefined ? await app.db.chats.listVersion(caller.user.id) : undefined
      if (version === undefined) return app.db.chats.list(caller.user.id, query)
      const key = `${version}:${query.limit}`
      const body = lists.get(key, reply) ?? lists.set(key, reply, await app.db.chats.list(caller.user.id, query))
      // Already what the schema says, in bytes, which the types of the route cannot know.
      return body as never
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/public',
    schema: {
      operationId: 'listPublicChats',
      summary: 'Find public chats',
      description: 'Public chats by a part of their title, newest first.',
      tags,
      querystring: PublicChatQuery,
      response: replies({ 200: page(ref(PublicChat)) }, 400, 401)
    },
    handler: async ({ query }) => app.db.chats.listPublic(query)
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id',
    preHandler: app.access.member,
    schema: {
      operationId: 'getChat',
      summary: 'One chat',
      description: 'A chat that I am a member of.',
      tags,
      params: ChatParams,
      response: replies({ 200: ref(Chat) }, 400, 401, 403, 404)
    },
    async handler({ params, caller }) {
      return { ...(await viewChat(app, params.chat_id, caller.user.id)), epoch: app.db.epoch }
    }
  })

  app.route({
    method: 'PATCH',
    url: '/chats/:chat_id',
    preHandler: app.access.admin,
    schema: {
      operationId: 'changeChat',
      summary: 'Change a chat',
      description: 'Admins and owners. A new title is written into the chat as a `renamed` message.',
      tags,
      params: ChatParams,
      body: ChatChange,
      response: replies({ 200: ref(Chat) }, 400, 401, 403, 404, 503)
    },
    async handler({ params: { chat_id }, body, caller }) {
      const { visibility, data } = body
      const title = body.title?.toWellFormed()
      await log.append({ type: 'settings', chat_id, user: caller.sender, title, visibility, data })
      app.bus.publish({ type: 'chat_changed', chat_id })
      return viewChat(app, chat_id, caller.user.id)
    }
  })

  app.route({
    method: 'DELETE',
    url: '/chats/:chat_id',
    preHandler: app.access.owner,
    schema: {
      operationId: 'deleteChat',
      summary: 'Delete a chat',
      description: 'Owners. Deletes it with all that was said in it; its sockets close with 4403.',
      tags,
      params: ChatParams,
      response: replies({ 204: nothing('Deleted') }, 400, 401, 403, 404, 503)
    },
    async handler({ params: { chat_id }, caller }, reply) {
      await log.append({ type: 'remove', chat_id, user: caller.sender })
      app.bus.publish({ type: 'chat_removed', chat_id })
      return reply.code(204).send(null)
    }
  })

  app.route({
    method: 'PUT',
    url: '/chats/:chat_id/read',
    preHandler: app.access.member,
    schema: {
      operationId: 'markRead',
      summary: 'Say how far I have read',
      description: 'Moves my read marker forward; it never moves back, and stops at the end of the chat.',
      tags,
      params: ChatParams,
      body: ReadMarker,
      response: replies({ 200: ref(ReadState) }, 400, 401, 403, 404, 503)
    },
    async handler({ params: { chat_id }, body: { id }, caller: { sender } }) {
      tellRead(app.bus, chat_id, sender.id, await log.append({ type: 'read', chat_id, user: sender, id }))
      return app.db.members.readState(chat_id, sender.id)
    }
  })
}

export default chatRoutes
