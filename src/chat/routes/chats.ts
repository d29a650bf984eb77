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
import { nothing, PageQuery, page, ref } from '../../schemas/common.ts'
import { ACCESS_ERRORS } from '../access.ts'
import { publishRead } from '../actions/read.ts'
import type { ChatServices } from '../services.ts'
import { ResponseCache } from './response-cache.ts'
import { viewChat } from './view.ts'

const tags = ['Chats']
/** Max size of the cached lists of chats, in bytes. */
const CACHE_BYTES = 16 * 1024 * 1024

/** Creating, finding, changing and deleting chats, and read markers. */
const chatRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  const lists = new ResponseCache(CACHE_BYTES)

  app.route({
    method: 'POST',
    url: '/chats',
    schema: {
      operationId: 'createChat',
      summary: 'Create a chat',
      description: 'Creates a group with you as its owner.',
      tags,
      body: NewChat,
      response: { 201: ref(Chat) },
      errors: ['USER_NOT_FOUND', 'CHAT_NOT_FOUND']
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
      summary: 'Open a direct chat',
      description:
        'Returns the direct chat with another user. 201 when it was created, 200 when it existed. A pair of users never has a second one.',
      tags,
      body: NewDirectChat,
      response: { 200: ref(Chat, 'The chat existed'), 201: ref(Chat, 'The chat was created') },
      errors: ['USER_NOT_FOUND']
    },
    async handler({ body: { user_id }, caller }, reply) {
      if (user_id === caller.user.id) {
        throw new ChatError('VALIDATION_FAILED', { detail: 'body/user_id must be somebody else', field: 'user_id' })
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
      summary: 'List my chats',
      description:
        'Lists the chats that you are a member of, latest activity first. A chat that becomes active while you read the pages moves to the first page, and the later pages omit it. A client that needs all chats takes them from the `ready` frame.',
      tags,
      querystring: PageQuery,
      response: { 200: page(ref(Chat)) }
    },
    async handler({ query, caller }, reply) {
      // Only the first page is cached: later pages are rare, and their cursors are an unbounded key space.
      const version = query.cursor === undefined ? await app.db.chats.listVersion(caller.user.id) : undefined
      if (version === undefined) return app.db.chats.list(caller.user.id, query)
      const key = `${version}:${query.limit}`
      const body = lists.get(key, reply) ?? lists.set(key, reply, await app.db.chats.list(caller.user.id, query))
      // `as never`: the cached bytes are the JSON of the schema, which the types of the route cannot express.
      return body as never
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/public',
    schema: {
      operationId: 'listPublicChats',
      summary: 'Find public chats',
      description: 'Lists public chats, newest first: all, or those whose title contains `query`.',
      tags,
      querystring: PublicChatQuery,
      response: { 200: page(ref(PublicChat)) }
    },
    handler: async ({ query }) => app.db.chats.listPublic(query)
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id',
    preHandler: app.access.member,
    schema: {
      operationId: 'getChat',
      summary: 'Get a chat',
      description: 'Returns a chat that you are a member of.',
      tags,
      params: ChatParams,
      response: { 200: ref(Chat) },
      errors: [...ACCESS_ERRORS.member]
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
      description: 'For admins and owners. A new title also adds a `renamed` message to the chat.',
      tags,
      params: ChatParams,
      body: ChatChange,
      response: { 200: ref(Chat) },
      errors: [...ACCESS_ERRORS.admin]
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
      description: 'For owners. Deletes the chat and everything in it, and closes its sockets with 4403.',
      tags,
      params: ChatParams,
      response: { 204: nothing('Deleted') },
      errors: [...ACCESS_ERRORS.owner]
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
      summary: 'Set read marker',
      description: 'Moves your read marker forward. It never moves back, nor beyond the end of the chat.',
      tags,
      params: ChatParams,
      body: ReadMarker,
      response: { 200: ref(ReadState) },
      errors: [...ACCESS_ERRORS.member]
    },
    async handler({ params: { chat_id }, body: { id }, caller: { sender } }) {
      publishRead(app.bus, chat_id, sender.id, await log.append({ type: 'read', chat_id, user: sender, id }))
      return app.db.members.readState(chat_id, sender.id)
    }
  })
}

export default chatRoutes
