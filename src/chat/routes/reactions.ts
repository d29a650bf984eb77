import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { ref, replies } from '../../schemas/common.ts'
import { Message, ReactionParams } from '../../schemas/message.ts'
import type { ChatServices } from '../plugin.ts'

const url = '/chats/:chat_id/messages/:id/reactions/:emoji'
const tags = ['Reactions']
const response = replies({ 200: ref(Message) }, 400, 401, 403, 404, 409, 503)

/** Emoji on messages: changes of the log like any other. */
const reactionRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  app.addHook('preHandler', app.access.member)

  async function change(type: 'react' | 'unreact', { params, caller }: FastifyRequest): Promise<Message> {
    const outcome = await log.append({ type, ...(params as ReactionParams), user: caller.sender })
    return outcome.message as Message
  }

  app.route({
    method: 'PUT',
    url,
    schema: {
      operationId: 'addReaction',
      summary: 'React to a message',
      description:
        'Adds my reaction. The message takes the next number of the chat as its `seq`; once more changes nothing. ' +
        'A message takes at most 20 different emoji (409 `TOO_MANY_REACTIONS`), a deleted one none.',
      tags,
      params: ReactionParams,
      response
    },
    handler: async request => change('react', request)
  })

  app.route({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'removeReaction',
      summary: 'Take a reaction back',
      description:
        'Removes my reaction. The message takes the next number of the chat as its `seq`; when I had none, nothing changes.',
      tags,
      params: ReactionParams,
      response
    },
    handler: async request => change('unreact', request)
  })
}

export default reactionRoutes
