import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Change } from '../../db/changes.ts'
import { ChatError } from '../../errors.ts'
import { ChatParams } from '../../schemas/chat.ts'
import { ref } from '../../schemas/common.ts'
import {
  Changes,
  ChangesQuery,
  Edit,
  History,
  HistoryQuery,
  Message,
  MessageParams,
  Send
} from '../../schemas/message.ts'
import { ACCESS_ERRORS } from '../access.ts'
import type { ChatServices } from '../services.ts'
import { ResponseCache } from './response-cache.ts'

const tags = ['Messages']
/** Max size of the cached pages of history, in bytes. */
const CACHE_BYTES = 32 * 1024 * 1024

/** Reading the history of a chat; sending, editing and deleting messages. */
const messageRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  const pages = new ResponseCache(CACHE_BYTES)
  app.addHook('preHandler', app.access.member)

  /** Appends a change that always results in a message. */
  async function append(change: Change): Promise<{ message: Message; changed: boolean }> {
    const { message, changed } = await log.append(change)
    return { message: message as Message, changed }
  }

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/messages',
    schema: {
      operationId: 'listMessages',
      summary: 'List messages',
      description:
        'Returns a page of history, ascending by `id`: the latest messages, or those before, after or around a message id. Deleted messages keep their place.',
      tags,
      params: ChatParams,
      querystring: HistoryQuery,
      response: { 200: ref(History) },
      errors: [...ACCESS_ERRORS.member]
    },
    async handler({ params, query, membership }, reply) {
      const { before, after, around, limit } = query
      const [, second] = Object.entries({ before, after, around }).filter(([, place]) => place !== undefined)
      if (second) {
        const detail = 'querystring must have only one of before, after, around'
        throw new ChatError('VALIDATION_FAILED', { detail, field: second[0] })
      }
      // A page is valid until the next change of its chat: the key has the `seq`.
      const key = [params.chat_id, membership.seq, before, after, around, limit].join()
      const cached = pages.get(key, reply)
      // `as never`: the cached bytes are the JSON of the schema, which the types of the route cannot express.
      if (cached) return cached as never
      const page = await app.db.messages.history(params.chat_id, query)
      // Empty pages are not cached: they are cheap to build, and the places beyond the end are an unbounded key space.
      return page.items.length > 0 ? (pages.set(key, reply, page) as never) : page
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/changes',
    schema: {
      operationId: 'listChanges',
      summary: 'List changes',
      description:
        'Returns each message that was created, edited, deleted or reacted to after the number `after`, in its current state, ascending by `seq`. Keep messages by `id`, replace those that you hold, and use the `seq` of the reply as the next `after`. No change is ever missed, at any time.',
      tags,
      params: ChatParams,
      querystring: ChangesQuery,
      response: { 200: ref(Changes) },
      errors: [...ACCESS_ERRORS.member]
    },
    async handler({ params, query: { after, limit }, membership }) {
      const { items, has_more } = await app.db.messages.changesPage(params.chat_id, after, membership.seq, limit)
      const last = has_more ? items.at(-1) : undefined
      return { items, seq: last?.seq ?? membership.seq, epoch: app.db.epoch, has_more }
    }
  })

  app.route({
    method: 'POST',
    url: '/chats/:chat_id/messages',
    schema: {
      operationId: 'sendMessage',
      summary: 'Send a message',
      description:
        'Stores a message and sends it to the sockets of the chat. 201 means that it is on disk. With a `client_id` it is safe to send a message again: the same text and `data` return 200 and the first message, and other content returns the error `CLIENT_ID_REUSED`.',
      tags,
      params: ChatParams,
      body: Send,
      response: {
        200: ref(Message, 'The message that was sent before with this `client_id`'),
        201: ref(Message, 'The message is on disk')
      },
      errors: [...ACCESS_ERRORS.member, 'REPLY_TO_NOT_FOUND', 'CLIENT_ID_REUSED']
    },
    async handler({ params: { chat_id }, body, caller }, reply) {
      const { client_id, reply_to, data } = body
      const text = body.message.toWellFormed()
      const { message, changed } = await append({
        type: 'send',
        chat_id,
        user: caller.sender,
        text,
        client_id,
        reply_to,
        data
      })
      return reply.code(changed ? 201 : 200).send(message)
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/messages/:id',
    schema: {
      operationId: 'getMessage',
      summary: 'Get a message',
      description: 'Returns a message in its current state. A deleted message has no text.',
      tags,
      params: MessageParams,
      response: { 200: ref(Message) },
      errors: [...ACCESS_ERRORS.member, 'MESSAGE_NOT_FOUND']
    },
    async handler({ params }) {
      const message = await app.db.messages.find(params.chat_id, params.id)
      if (!message) throw new ChatError('MESSAGE_NOT_FOUND')
      return message
    }
  })

  app.route({
    method: 'PATCH',
    url: '/chats/:chat_id/messages/:id',
    schema: {
      operationId: 'editMessage',
      summary: 'Edit a message',
      description:
        'For the sender. Changes the text, the `data`, or both. The message takes the next number of the chat as its `seq`, unless it already has this text and `data`.',
      tags,
      params: MessageParams,
      body: Edit,
      response: { 200: ref(Message) },
      errors: [...ACCESS_ERRORS.member, 'MESSAGE_NOT_FOUND', 'NOT_THE_SENDER', 'MESSAGE_DELETED', 'NOT_EDITABLE']
    },
    async handler({ params: { chat_id, id }, body, caller: { sender } }) {
      const text = body.message?.toWellFormed()
      return (await append({ type: 'edit', chat_id, id, user: sender, text, data: body.data })).message
    }
  })

  app.route({
    method: 'DELETE',
    url: '/chats/:chat_id/messages/:id',
    schema: {
      operationId: 'deleteMessage',
      summary: 'Delete a message',
      description:
        'For the sender, admins and owners. The message keeps its place in the chat. Its text is also deleted from the database.',
      tags,
      params: MessageParams,
      response: { 200: ref(Message) },
      errors: [...ACCESS_ERRORS.member, 'MESSAGE_NOT_FOUND', 'ADMIN_REQUIRED', 'NOT_EDITABLE']
    },
    async handler({ params: { chat_id, id }, caller: { sender } }) {
      return (await append({ type: 'delete', chat_id, id, user: sender })).message
    }
  })
}

export default messageRoutes
