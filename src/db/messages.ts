import type { History, HistoryQuery, Message } from '../schemas/message.ts'
import { type ChangesAsked, changesQuery } from './changes.ts'
import type { Database } from './database.ts'
import { and, asc, desc, eq, gt, lt, param, sql } from './drizzle.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageColumns, messageReader } from './message-row.ts'
import { messages, users } from './tables.ts'

/** Reads stored messages: by id, and page by page over the primary key, so that a page costs the same anywhere. */
export function messagesRepository(db: Database) {
  const read = messageReader(db)
  const ofChat = eq(messages.chat_id, param('chat_id'))
  const id = param('id')
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
  const changed = db.$client.prepare<[ChangesAsked], MessageRow>(changesQuery(MESSAGE_COLUMNS, JOIN_SENDER))
  const created = db.$client.prepare<[ChangesAsked], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER}
     where m.chat_id = @chat_id and m.id > @after and m.id <= @until and m.deleted_at is null order by m.id limit @limit`
  )
  const head = db.$client.prepare<[number], number>('select seq from chats where id = ?').pluck()

  /** Up to `before` messages below `id` and up to `after` messages from `id` on; one more of each is looked for. */
  async function window(chat_id: number, id: number, before: number, after: number): Promise<History> {
    const below = await older.execute({ chat_id, id, limit: before + 1 })
    const above = await newer.execute({ chat_id, id: id - 1, limit: after + 1 })
    const items = [...below.slice(0, before).reverse(), ...above.slice(0, after)]
    return {
      items: read(items),
      has_more_before: below.length > before,
      has_more_after: above.length > after
    }
  }

  return {
    async find(chat_id: number, id: number): Promise<Message | undefined> {
      const [row] = await one.execute({ chat_id, id })
      return row && read([row])[0]
    },

    /** The number of a chat's latest change; 0 when there is none, or no such chat. */
    async head(chat_id: number): Promise<number> {
      return head.get(chat_id) ?? 0
    },

    /** The log: messages with after < seq <= until as they now are, ascending by seq. */
    async changes(chat_id: number, after: number, until: number, limit: number): Promise<Message[]> {
      return read(changed.all({ chat_id, after, until, limit }))
    },

    /** Messages with after < id <= until, ascending by id, without those deleted since. */
    async created(chat_id: number, after: number, until: number, limit: number): Promise<Message[]> {
      return read(created.all({ chat_id, after, until, limit }))
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
