import type { FastifyInstance } from 'fastify'
import { ChatError } from '../../errors.ts'
import type { Chat } from '../../schemas/chat.ts'

/** Reads a chat as one of its members sees it. Throws CHAT_NOT_FOUND when the chat is deleted or the user has left. */
export async function viewChat(app: FastifyInstance, chat_id: number, user_id: number): Promise<Chat> {
  const chat = await app.db.chats.find(chat_id, user_id)
  if (!chat) throw new ChatError('CHAT_NOT_FOUND')
  return chat
}
