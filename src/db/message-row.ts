import type { Message, Reaction } from '../schemas/message.ts'
import type { Database } from './database.ts'
import { toIso } from './page.ts'
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

/** Of those who gave a reaction, as many are named; the count is of all. */
const NAMED = 100

interface ReactionRow {
  chat_id: number
  message_id: number
  emoji: string
  user_id: number
}

/**
 * Makes messages of stored rows, with their reactions. A reaction is a change of its message, so that only rows changed
 * since they were created are looked up, all of them in one query: a page without any costs nothing more.
 */
export function messageReader({ $client }: Database): (rows: MessageRow[]) => Message[] {
  const ofMessages = $client.prepare<[string], ReactionRow>(
    `select r.chat_id, r.message_id, r.emoji, r.user_id
     from json_each(?) as asked
     cross join reactions r on r.chat_id = asked.value ->> 0 and r.message_id = asked.value ->> 1
     order by r.seq`
  )

  return rows => {
    const changed = rows.filter(row => row.seq > row.id)
    if (changed.length === 0) return rows.map(toMessage)
    const found = group(ofMessages.all(JSON.stringify(changed.map(row => [row.chat_id, row.id]))))
    return rows.map(row => {
      const message = toMessage(row)
      const reactions = found.get(keyOf(row.chat_id, row.id))
      if (reactions) message.reactions = [...reactions.values()]
      return message
    })
  }
}

/** The reactions of each message by their emoji, in the order in which each came first. */
function group(rows: ReactionRow[]): Map<string, Map<string, Reaction>> {
  const messages = new Map<string, Map<string, Reaction>>()
  for (const { chat_id, message_id, emoji, user_id } of rows) {
    const key = keyOf(chat_id, message_id)
    const reactions = messages.get(key) ?? new Map<string, Reaction>()
    messages.set(key, reactions)
    const reaction = reactions.get(emoji) ?? { emoji, count: 0, user_ids: [] }
    reactions.set(emoji, reaction)
    reaction.count++
    if (reaction.user_ids.length < NAMED) reaction.user_ids.push(user_id)
  }
  return messages
}

function keyOf(chat_id: number, id: number): string {
  return `${chat_id}:${id}`
}
