import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Change } from '../../db/log.ts'
import { ChatError } from '../../errors.ts'
import { ChatParams } from '../../schemas/chat.ts'
import { ref, replies } from '../../schemas/common.ts'
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
import type { ChatServices } from '../plugin.ts'
import { KeptBodies } from './kept.ts'

const tags = ['Messages']
/** Pages of history that are kept, in bytes. */
const PAGES_BYTES = 32 * 1024 * 1024

/** What was said: reading it page by page, saying more, and taking it back. */
const messageRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  const pages = new KeptBodies(PAGES_BYTES)
  app.addHook('preHandler', app.access.member)

  /** Makes a change whose outcome is always a message. */
  async function append(change: Change): Promise<{ message: Message; fresh: boolean }> {
    const { message, fresh } = await log.append(change)
    return { message: message as Message, fresh }
  }

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/messages',
    schema: {
      operationId: 'listMessages',
      summary: 'A page of history',
      description:
        'Ascending by id: the latest messages, or those before, after or around one. Deleted ones keep their place.',
      tags,
      params: ChatParams,
      querystring: HistoryQuery,
      response: replies({ 200: ref(History) }, 400, 401, 403, 404)
    },
    async handler({ params, query, membership }, reply) {
      const { before, after, around, limit } = query
      if ([before, after, around].filter(place => place !== undefined).length > 1) {
        throw new ChatError('VALIDATION_FAILED', { detail: 'querystring must have only one of before, after, around' })
      }
      // A page stays the same until its chat takes its next number.
      const key = [params.chat_id, membership.seq, before, after, around, limit].join()
      const kept = pages.get(key, reply)
      // Already what the schema says, in bytes, which the types of the route cannot know.
      if (kept) return kept as never
      const page = await app.db.messages.history(params.chat_id, query)
      // Not the empty ones: they cost nothing to make, and each place beyond the end is another.
      return page.items.length > 0 ? (pages.set(key, reply, page) as never) : page
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/changes',
    schema: {
      operationId: 'listChanges',
      summary: 'What has changed since',
      description:
        'Every message that was created, edited, deleted or reacted to after the number `after`, in the order of its ' +
        'latest change, as it now is. Keep messages by `id`, replace what you have, and ask again with the `seq` of the ' +
        'reply: nothing is missed, however long you were away.',
      tags,
      params: ChatParams,
      querystring: ChangesQuery,
      response: replies({ 200: ref(Changes) }, 400, 401, 403, 404)
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
        'Stores it and sends it to the sockets of the chat. 201 means that it is on disk. With a `client_id`, it is safe ' +
        'to send again: 200 and the first message when text and `data` are the same, 409 `CLIENT_ID_REUSED` otherwise.',
      tags,
      params: ChatParams,
      body: Send,
      response: replies({ 200: ref(Message), 201: ref(Message) }, 400, 401, 403, 404, 409, 429, 503)
    },
    async handler({ params: { chat_id }, body, caller }, reply) {
      const { client_id, reply_to, data } = body
      const text = body.message.toWellFormed()
      const { message, fresh } = await append({
        type: 'send',
        chat_id,
        user: caller.sender,
        text,
        client_id,
        reply_to,
        data
      })
      return reply.code(fresh ? 201 : 200).send(message)
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/messages/:id',
    schema: {
      operationId: 'getMessage',
      summary: 'One message',
      description: 'As it now is; a deleted one without its text.',
      tags,
      params: MessageParams,
      response: replies({ 200: ref(Message) }, 400, 401, 403, 404)
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
      summary: 'Edit my message',
      description:
        'Changes its text, its `data`, or both. Its sender only. It takes the next number of the chat as its `seq`; what ' +
        'is the same already changes nothing.',
      tags,
      params: MessageParams,
      body: Edit,
      response: replies({ 200: ref(Message) }, 400, 401, 403, 404, 409, 503)
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
      description: 'Its sender, admins and owners. It keeps its place; its text is gone from the database too.',
      tags,
      params: MessageParams,
      response: replies({ 200: ref(Message) }, 400, 401, 403, 404, 409, 503)
    },
    async handler({ params: { chat_id, id }, caller: { sender } }) {
      return (await append({ type: 'delete', chat_id, id, user: sender })).message
    }
  })
}

export default messageRoutes
