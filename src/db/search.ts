import { setImmediate } from 'node:timers/promises'
import type { Page } from '../schemas/common.ts'
import type { FoundMessage } from '../schemas/message.ts'
import type { Database } from './database.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader } from './message-row.ts'
import { decodeCursor, type PageRequest, toPage } from './page.ts'
import type { Patience } from './patience.ts'
import type { SearchIndex } from './search-index.ts'
import { highlight, matchExpression, phrases } from './search-text.ts'

/** A search lets others have the event loop when it has had it for so long. */
const TURN_MS = 10

/** Where a result stands among all: created_at, chat_id, id. */
type Place = [number, number, number]

interface SearchedChat {
  id: number
  seq: number
  updated_at: number
}

/** Finds messages by their words. */
export function searchRepository(db: Database, index: SearchIndex, patience: Patience) {
  const client = db.$client
  const read = messageReader(db)
  const chatsOf = client.prepare<[{ user_id: number; chat_id: number | null }], SearchedChat>(
    `select c.id, c.seq, c.updated_at from members m join chats c on c.id = m.chat_id
     where m.user_id = @user_id and (@chat_id is null or m.chat_id = @chat_id) order by c.updated_at desc, c.id desc`
  )
  // A chat is a range of row ids, which FTS5 walks from its end, as far as it is asked to.
  const matches = client.prepare<[{ chat_id: number; before: number; match: string }], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages_search
     cross join messages m on m.chat_id = messages_search.rowid >> 32 and m.id = messages_search.rowid & 4294967295
     ${JOIN_SENDER}
     where messages_search match @match and m.text is not null
       and messages_search.rowid > (@chat_id << 32) and messages_search.rowid < ((@chat_id << 32) | @before)
     order by messages_search.rowid desc`
  )
  const createdAt = client
    .prepare<[number, number], number>(
      'select created_at from messages where chat_id = ? and id >= ? order by id limit 1'
    )
    .pluck()

  /** The id at which a chat's messages stop being older than a place. Times ascend with ids: it is halved down to. */
  function endOf({ id: chat_id, seq }: SearchedChat, place: Place | undefined): number {
    if (!place) return seq + 1
    let low = 1
    let high = seq + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const created_at = createdAt.get(chat_id, middle) ?? Number.POSITIVE_INFINITY
      if (isBefore([created_at, chat_id, middle], place)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Puts the matches of a chat into `found`, newest first, as far as they are among the newest `count`. */
  function collect(found: MessageRow[], count: number, chat: SearchedChat, before: number, match: string): void {
    for (const row of matches.iterate({ chat_id: chat.id, before, match })) {
      const at = found.findIndex(other => isBefore(placeOf(other), placeOf(row)))
      if (at === -1 && found.length >= count) return
      found.splice(at === -1 ? found.length : at, 0, row)
      if (found.length > count) found.pop()
    }
  }

  return {
    /**
     * Messages of the user's chats with all that `query` asks for, newest first. What the index lacks of these chats is
     * added first. Chats are searched in the order of their latest activity, until no other can have anything newer.
     * Throws INVALID_CURSOR.
     */
    async find(
      user_id: number,
      { query, chat_id, limit, cursor }: PageRequest & { query: string; chat_id?: number }
    ): Promise<Page<FoundMessage>> {
      const asked = phrases(query)
      const place = decodeCursor(cursor, [0, 0, 0] as Place)
      if (asked.length === 0) return { items: [] }
      const match = matchExpression(asked)
      const breathe = turns()
      const found: MessageRow[] = []
      for (const chat of chatsOf.all({ user_id, chat_id: chat_id ?? null })) {
        const last = found[limit]
        if (last && chat.updated_at < last.created_at) break
        // No further than it was: a chat may grow faster than it is indexed.
        while (await patience.wait(() => index.indexPage(chat.id, chat.seq))) await breathe()
        collect(found, limit + 1, chat, endOf(chat, place), match)
        await breathe()
      }
      const page = toPage(found, limit, row => row, placeOf)
      const items: FoundMessage[] = []
      for (const message of read(page.items)) {
        items.push({ ...message, highlight: highlight(message.message as string, asked) })
        await breathe()
      }
      return { ...page, items }
    }
  }
}

function placeOf({ created_at, chat_id, id }: MessageRow): Place {
  return [created_at, chat_id, id]
}

/** Whether `a` is older than `b`. */
function isBefore(a: Place, b: Place): boolean {
  const [created_at, chat_id, id] = b
  if (a[0] !== created_at) return a[0] < created_at
  return a[1] === chat_id ? a[2] < id : a[1] < chat_id
}

/** A function to call between two pieces of work: it waits for a turn of the event loop when enough time has gone. */
function turns(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < TURN_MS) return
    await setImmediate()
    since = performance.now()
  }
}
