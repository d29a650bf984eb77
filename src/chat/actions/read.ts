import type { FastifyInstance } from 'fastify'
import type { ReadState } from '../../schemas/chat.ts'
import type { Sender } from '../../schemas/message.ts'
import type { Log } from '../log.ts'

/** Moves a read marker, on disk with the batch that it comes in, and tells the chat when it moved. */
export async function markRead(
  app: FastifyInstance,
  log: Log,
  chat_id: number,
  user: Sender,
  id: number
): Promise<ReadState> {
  const { fresh } = await log.append({ type: 'read', chat_id, user, id })
  const state = await app.db.members.readState(chat_id, user.id)
  if (fresh) app.bus.publish({ type: 'read', chat_id, user_id: user.id, id: state.read_id })
  return state
}
