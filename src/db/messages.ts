import type { History, HistoryQuery, Message } from '../schemas/message.ts'
import { type ChangesAsked, changesQuery } from './changes.ts'
import type { Database } from './database.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader } from './message-row.ts'

/** Reads stored messages: by id, and page by page over the primary key, so that a page costs the same anywhere. */
export function messagesRepository(db: Database) {
  const read = messageReader(db)
  // `+?`: see `param` in drizzle.ts.
  const select = `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER} where m.chat_id = +?`
  const one = db.$client.prepare<[chat_id: number, id: number], MessageRow>(`${select} and m.id = +?`)
  const older = db.$client.prepare<[chat_id: number, below: number, limit: number], MessageRow>(
    `${select} and m.id < +? order by m.id desc limit ?`
  )
  const newer = db.$client.prepare<[chat_id: number, after: number, limit: number], MessageRow>(
    `${select} and m.id > +? order by m.id limit ?`
  )
  const changed = db.$client.prepare<[ChangesAsked], MessageRow>(changesQuery(MESSAGE_COLUMNS, JOIN_SENDER))
  const created = db.$client.prepare<[ChangesAsked], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER}
     where m.chat_id = @chat_id and m.id > @after and m.id <= @until and m.deleted_at is null order by m.id limit @limit`
  )
  const head = db.$client.prepare<[number], number>('select seq from chats where id = ?').pluck()

  /** Up to `before` messages below `id` and up to `after` messages from `id` on; one more of each is looked for. */
  function window(chat_id: number, id: number, before: number, after: number): History {
    const below = older.all(chat_id, id, before + 1)
    const above = newer.all(chat_id, id - 1, after + 1)
    const items = [...below.slice(0, before).reverse(), ...above.slice(0, after)]
    return {
      items: read(items),
      has_more_before: below.length > before,
      has_more_after: above.length > after
    }
  }

  return {
    async find(chat_id: number, id: number): Promise<Message | undefined> {
      const row = one.get(chat_id, id)
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
