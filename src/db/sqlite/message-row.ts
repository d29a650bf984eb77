import type { Message, Reaction } from '../../schemas/message.ts'
import { toIso } from '../page.ts'
import type { Database } from './open.ts'
import { Reactions } from './reactions.ts'
import type { messages } from './tables.ts'

/** The columns of a message that goes over the wire, but for its sender's username. */
const COLUMNS = [
  'chat_id',
  'id',
  'seq',
  'kind',
  'sender_id',
  'text',
  'reply_to',
  'data',
  'created_at',
  'edited_at',
  'deleted_at'
] as const

/** All of them in SQL, of `messages m` joined with its sender. */
export const MESSAGE_COLUMNS = [...COLUMNS.map(column => `m.${column}`), 'u.username'].join(', ')
export const JOIN_SENDER = 'join users u on u.id = m.sender_id'

export type MessageRow = Pick<typeof messages.$inferSelect, Exclude<(typeof COLUMNS)[number], 'data'>> & {
  username: string
  /** JSON, as it is stored. */
  data: string | null
}

/** A message without its reactions. */
function toMessage(row: MessageRow): Message {
  const { chat_id, id, seq, kind } = row
  const message: Message = {
    chat_id,
    id,
    seq,
    kind,
    sender: { id: row.sender_id, username: row.username },
    created_at: toIso(row.created_at)
  }
  if (row.text !== null) message.message = row.text
  if (row.edited_at !== null) message.edited_at = toIso(row.edited_at)
  if (row.deleted_at !== null) message.deleted_at = toIso(row.deleted_at)
  if (row.reply_to !== null) message.reply_to = row.reply_to
  if (row.data !== null) message.data = JSON.parse(row.data)
  return message
}

/** A message as it goes over the wire. */
export function withReactions(row: MessageRow, reactions: Reaction[]): Message {
  const message = toMessage(row)
  if (reactions.length > 0) message.reactions = reactions
  return message
}

/**
 * Makes a message of a stored row, with its reactions. A reaction is a change of its message, so that only rows changed
 * since they were created are looked up: a page without any costs nothing more. To count thousands of reactions takes
 * its time: a page gives way between its messages.
 */
export function messageReader(db: Database): (row: MessageRow) => Message {
  const reactions = new Reactions(db)
  return row => (row.seq > row.id ? withReactions(row, reactions.of(row.chat_id, row.id)) : toMessage(row))
}
