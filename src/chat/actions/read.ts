import type { FastifyInstance } from 'fastify'
import type { ReadState } from '../../schemas/chat.ts'

/** Moves a read marker and tells the chat when it moved. */
export async function markRead(app: FastifyInstance, chat_id: number, user_id: number, id: number): Promise<ReadState> {
  const { moved, ...state } = await app.db.members.markRead(chat_id, user_id, id)
  if (moved) app.bus.publish({ type: 'read', chat_id, user_id, id: state.read_id })
  return state
}
