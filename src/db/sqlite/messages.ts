import { inSlices } from '../../time-slice.ts'
import type { MessageRepository } from '../repositories.ts'
import type { MessageRow } from '../rows.ts'
import { type ChangesParameters, changesQuery } from './changes-query.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, messageReader } from './message-row.ts'
import type { Database } from './open.ts'

/** A page ends early after this many characters of text: it is read and serialized in one turn of the event loop. */
const PAGE_CHARACTERS = 64 * 1024

interface RowPage {
  rows: MessageRow[]
  hasMore: boolean
}

/** Takes the first `limit` rows. Takes fewer when their texts are long, but one at least. */
function takePage(rows: Iterable<MessageRow>, limit: number): RowPage {
  const page: MessageRow[] = []
  let characters = 0
  for (const row of rows) {
    if (page.length >= limit || characters >= PAGE_CHARACTERS) return { rows: page, hasMore: true }
    page.push(row)
    characters += row.text?.length ?? 0
  }
  return { rows: page, hasMore: false }
}

/** Reads messages by id, and page by page over the primary key: a page costs the same everywhere in a chat. */
export function messageRepository(db: Database): MessageRepository {
  const toMessage = messageReader(db)
  // `+?`: see `param` in drizzle.ts.
  const select = `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER} where m.chat_id = +?`
  const byId = db.$client.prepare<[chat_id: number, id: number], MessageRow>(`${select} and m.id = +?`)
  const older = db.$client.prepare<[chat_id: number, below: number, limit: number], MessageRow>(
    `${select} and m.id < +? order by m.id desc limit +?`
  )
  const newer = db.$client.prepare<[chat_id: number, after: number, limit: number], MessageRow>(
    `${select} and m.id > +? order by m.id limit +?`
  )
  const changes = db.$client.prepare<[ChangesParameters], MessageRow>(changesQuery(MESSAGE_COLUMNS, JOIN_SENDER))
  const created = db.$client.prepare<[ChangesParameters], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER}
     where m.chat_id = +@chat_id and m.id > +@after and m.id <= +@until and m.deleted_at is null
     order by m.id limit +@limit`
  )
  const head = db.$client.prepare<[number], number>('select seq from chats where id = ?').pluck()

  /**
   * Up to `before` messages below `id` and up to `after` messages from `id` on. Reads one row more to know `hasMore`.
   */
  async function readAround(chat_id: number, id: number, before: number, after: number) {
    const below = takePage(older.iterate(chat_id, id, before + 1), before)
    const above = takePage(newer.iterate(chat_id, id - 1, after + 1), after)
    return {
      items: await inSlices([...below.rows.reverse(), ...above.rows], toMessage),
      has_more_before: below.hasMore,
      has_more_after: above.hasMore
    }
  }

  return {
    async find(chat_id, id) {
      const row = byId.get(chat_id, id)
      return row && toMessage(row)
    },

    async head(chat_id) {
      return head.get(chat_id) ?? 0
    },

    async changes(chat_id, after, until, limit) {
      return inSlices(changes.all({ chat_id, after, until, limit }), toMessage)
    },

    async changesPage(chat_id, after, until, limit) {
      const { rows, hasMore } = takePage(changes.iterate({ chat_id, after, until, limit: limit + 1 }), limit)
      return { items: await inSlices(rows, toMessage), has_more: hasMore }
    },

    async created(chat_id, after, until, limit) {
      return inSlices(created.all({ chat_id, after, until, limit }), toMessage)
    },

    async history(chat_id, { before, after, around, limit }) {
      if (after !== undefined) return readAround(chat_id, after + 1, 0, limit)
      if (around !== undefined) return readAround(chat_id, around, Math.floor(limit / 2), Math.ceil(limit / 2))
      return readAround(chat_id, before ?? Number.MAX_SAFE_INTEGER, limit, 0)
    }
  }
}
