import type { History, HistoryQuery, Message } from '../../schemas/message.ts'
import { inSlices } from '../../time-slice.ts'
import { type ChangesAsked, changesQuery } from './changes-query.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader } from './message-row.ts'
import type { Database } from './open.ts'

/** Characters of text with which a page ends early: it is read and written in one turn of the event loop. */
const PAGE_CHARACTERS = 64 * 1024

interface ChangesPage {
  items: Message[]
  has_more: boolean
}

interface Rows {
  rows: MessageRow[]
  /** Whether there are more. */
  more: boolean
}

/** The first `limit` rows, or fewer when they are long, but one at least. */
function firstOf(rows: Iterable<MessageRow>, limit: number): Rows {
  const first: MessageRow[] = []
  let characters = 0
  for (const row of rows) {
    if (first.length >= limit || characters >= PAGE_CHARACTERS) return { rows: first, more: true }
    first.push(row)
    characters += row.text?.length ?? 0
  }
  return { rows: first, more: false }
}

/** Reads stored messages: by id, and page by page over the primary key, so that a page costs the same anywhere. */
export function messagesRepository(db: Database) {
  const read = messageReader(db)
  // `+?`: see `param` in drizzle.ts.
  const select = `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER} where m.chat_id = +?`
  const one = db.$client.prepare<[chat_id: number, id: number], MessageRow>(`${select} and m.id = +?`)
  const older = db.$client.prepare<[chat_id: number, below: number, limit: number], MessageRow>(
    `${select} and m.id < +? order by m.id desc limit +?`
  )
  const newer = db.$client.prepare<[chat_id: number, after: number, limit: number], MessageRow>(
    `${select} and m.id > +? order by m.id limit +?`
  )
  const changed = db.$client.prepare<[ChangesAsked], MessageRow>(changesQuery(MESSAGE_COLUMNS, JOIN_SENDER))
  const created = db.$client.prepare<[ChangesAsked], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER}
     where m.chat_id = +@chat_id and m.id > +@after and m.id <= +@until and m.deleted_at is null
     order by m.id limit +@limit`
  )
  const head = db.$client.prepare<[number], number>('select seq from chats where id = ?').pluck()

  /** Up to `before` messages below `id` and up to `after` messages from `id` on; one more of each is looked for. */
  async function window(chat_id: number, id: number, before: number, after: number): Promise<History> {
    const below = firstOf(older.iterate(chat_id, id, before + 1), before)
    const above = firstOf(newer.iterate(chat_id, id - 1, after + 1), after)
    return {
      items: await inSlices([...below.rows.reverse(), ...above.rows], read),
      has_more_before: below.more,
      has_more_after: above.more
    }
  }

  return {
    async find(chat_id: number, id: number): Promise<Message | undefined> {
      const row = one.get(chat_id, id)
      return row && read(row)
    },

    /** The number of a chat's latest change; 0 when there is none, or no such chat. */
    async head(chat_id: number): Promise<number> {
      return head.get(chat_id) ?? 0
    },

    /** The log: messages with after < seq <= until as they now are, ascending by seq. */
    async changes(chat_id: number, after: number, until: number, limit: number): Promise<Message[]> {
      return inSlices(changed.all({ chat_id, after, until, limit }), read)
    },

    /** A page of the same, which ends early when messages are long. */
    async changesPage(chat_id: number, after: number, until: number, limit: number): Promise<ChangesPage> {
      const { rows, more } = firstOf(changed.iterate({ chat_id, after, until, limit: limit + 1 }), limit)
      return { items: await inSlices(rows, read), has_more: more }
    },

    /** Messages with after < id <= until, ascending by id, without those deleted since. */
    async created(chat_id: number, after: number, until: number, limit: number): Promise<Message[]> {
      return inSlices(created.all({ chat_id, after, until, limit }), read)
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
