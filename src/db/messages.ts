import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm'
import type { History, HistoryQuery, Message } from '../schemas/message.ts'
import { toIso } from './cursor.ts'
import type { Database } from './database.ts'
import { messages, users } from './tables.ts'

/** What a message on the wire is made of. */
export const messageColumns = {
  chat_id: messages.chat_id,
  id: messages.id,
  seq: messages.seq,
  kind: messages.kind,
  sender_id: messages.sender_id,
  username: users.username,
  text: messages.text,
  reply_to: messages.reply_to,
  created_at: messages.created_at,
  edited_at: messages.edited_at,
  deleted_at: messages.deleted_at
}

export type MessageRow = Pick<
  typeof messages.$inferSelect,
  'chat_id' | 'id' | 'seq' | 'kind' | 'sender_id' | 'text' | 'reply_to' | 'created_at' | 'edited_at' | 'deleted_at'
> & { username: string }

export function toMessage(row: MessageRow): Message {
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
  return message
}

/** Reads stored messages: by id, and page by page over the primary key, so that a page costs the same anywhere. */
export function messagesRepository(db: Database) {
  const ofChat = eq(messages.chat_id, sql.placeholder('chat_id'))
  const id = sql.placeholder('id')
  const limit = sql.placeholder('limit')
  const select = () => db.select(messageColumns).from(messages).innerJoin(users, eq(users.id, messages.sender_id))

  const one = select()
    .where(and(ofChat, eq(messages.id, id)))
    .prepare()
  const older = select()
    .where(and(ofChat, lt(messages.id, id)))
    .orderBy(desc(messages.id))
    .limit(limit)
    .prepare()
  const newer = select()
    .where(and(ofChat, gt(messages.id, id)))
    .orderBy(asc(messages.id))
    .limit(limit)
    .prepare()

  /** Up to `before` messages below `id` and up to `after` messages from `id` on; one more of each is looked for. */
  async function window(chat_id: number, id: number, before: number, after: number): Promise<History> {
    const below = await older.execute({ chat_id, id, limit: before + 1 })
    const above = await newer.execute({ chat_id, id: id - 1, limit: after + 1 })
    const items = [...below.slice(0, before).reverse(), ...above.slice(0, after)]
    return {
      items: items.map(toMessage),
      has_more_before: below.length > before,
      has_more_after: above.length > after
    }
  }

  return {
    async head(chat_id: number): Promise<number | undefined> {
      return db.$client.prepare('select seq from chats where id = ?').pluck().get(chat_id) as number
    },
    async changes(chat_id: number, after: number, until: number, limit: number): Promise<Message[]> {
      const rows = await select()
        .where(and(eq(messages.chat_id, chat_id), gt(messages.seq, after), lt(messages.seq, until + 1)))
        .orderBy(asc(messages.seq))
        .limit(limit)
      return rows.map(toMessage)
    },
    async created(chat_id: number, after: number, until: number, limit: number): Promise<Message[]> {
      const rows = await select()
        .where(and(eq(messages.chat_id, chat_id), gt(messages.id, after), lt(messages.id, until + 1)))
        .orderBy(asc(messages.id))
        .limit(limit)
      return rows.filter(row => row.deleted_at === null).map(toMessage)
    },
    async find(chat_id: number, id: number): Promise<Message | undefined> {
      const [row] = await one.execute({ chat_id, id })
      return row && toMessage(row)
    },

    /** A page of history, ascending by id; the latest one when no place is named. */
    async history(chat_id: number, query: Omit<HistoryQuery, 'limit'> & { limit: number }): Promise<History> {
      const { before, after, around, limit } = query
      if (after !== undefined) return window(chat_id, after + 1, 0, limit)
      if (around !== undefined) return window(chat_id, around, Math.floor(limit / 2), Math.ceil(limit / 2))
      return window(chat_id, before ?? Number.MAX_SAFE_INTEGER, limit, 0)
    }
  }
}
