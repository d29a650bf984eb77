import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { ref } from '../../schemas/common.ts'
import { Message, ReactionParams } from '../../schemas/message.ts'
import { ACCESS_ERRORS } from '../access.ts'
import type { ChatServices } from '../services.ts'

const url = '/chats/:chat_id/messages/:id/reactions/:emoji'
const tags = ['Reactions']
const response = { 200: ref(Message) }
const errors = [...ACCESS_ERRORS.member, 'MESSAGE_NOT_FOUND', 'MESSAGE_DELETED'] as const

/** Emoji on messages. A reaction is a change of its message, in the log. */
const reactionRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  app.addHook('preHandler', app.access.member)

  async function change(type: 'react' | 'unreact', { params, caller }: FastifyRequest): Promise<Message> {
    const { message } = await log.append({ type, ...(params as ReactionParams), user: caller.sender })
    return message as Message
  }

  app.route({
    method: 'PUT',
    url,
    schema: {
      operationId: 'addReaction',
      summary: 'Add a reaction',
      description:
        'Adds your reaction. The message takes the next number of the chat as its `seq`, unless you have this reaction already. A message can have at most 20 different reactions, a deleted message none.',
      tags,
      params: ReactionParams,
      response,
      errors: [...errors, 'TOO_MANY_REACTIONS']
    },
    handler: async request => change('react', request)
  })

  app.route({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'removeReaction',
      summary: 'Remove a reaction',
      description:
        'Removes your reaction. The message takes the next number of the chat as its `seq`, unless you do not have this reaction.',
      tags,
      params: ReactionParams,
      response,
      errors: [...errors]
    },
    handler: async request => change('unreact', request)
  })
}

export default reactionRoutes
