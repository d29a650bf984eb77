import { ChatError } from '../../../errors.ts'
import type { Page } from '../../../schemas/common.ts'
import type { FoundMessage } from '../../../schemas/message.ts'
import { decodeCursor, type PageRequest, toPage } from '../../page.ts'
import { highlighter } from '../../search/highlight.ts'
import { finder, type Phrase, phrases } from '../../search/terms.ts'
import type { Patience } from '../busy-retry.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader } from '../message-row.ts'
import type { Database } from '../open.ts'
import { entryFinder } from './entry.ts'
import { Heap } from './heap.ts'
import type { SearchIndex } from './indexer.ts'
import { type Times, timesReader } from './times.ts'

/** Different words and phrases of a query. */
const PHRASES = 50
/** Chats that are read in one go. */
const CHATS = 200
/** Messages of a chat that are read in one go: few at first, more and more when they are short. */
const FEW = 10
const MANY = 100
/** Of so many code units, messages are short in all. */
const MUCH = 50_000
/** After a text of more code units than this, it is time for others. */
const SHORT = 1000

/** Where a result stands among all: created_at, chat_id, id. */
type Place = [created_at: number, chat_id: number, id: number]

interface SearchedChat {
  id: number
  /** The search looks no further: a chat may grow faster than it is indexed. */
  seq: number
  indexed: boolean
  times: Times
}

interface ChatRow {
  place: number
  id: number
  seq: number
  indexed: 0 | 1
  timed: number
  newest: number
  ordered: 0 | 1
}

interface Candidate {
  id: number
  created_at: number
  words: string
}

export type SearchRequest = PageRequest & { query: string; chat_id?: number }

/** Finds messages by their words. */
export function searchRepository(db: Database, index: SearchIndex, patience: Patience) {
  const client = db.$client
  const read = messageReader(db)
  const readTimes = timesReader(client)
  const entry = entryFinder(client)
  // `+@`: see `param` in drizzle.ts.
  const chatsOf = client.prepare<[{ user_id: number; chat_id: number | null; after: number }], ChatRow>(
    `select m.rowid as place, c.id, c.seq, coalesce(s.seq, 0) >= c.seq as indexed, coalesce(s.timed, 0) as timed, coalesce(s.newest, 0) as newest,
       coalesce(s.ordered, 1) as ordered
     from members m join chats c on c.id = m.chat_id left join search_cursors s on s.chat_id = c.id
     where m.user_id = +@user_id and (+@chat_id is null or m.chat_id = +@chat_id) and m.rowid > +@after
     order by m.rowid limit ${CHATS}`
  )
  // A chat is a range of row ids, which FTS5 walks from its end, as far as it is asked to.
  const candidates = client.prepare<[{ chat_id: number; before: number; match: string; limit: number }], Candidate>(
    `select * from (
       select m.id, m.created_at, messages_search.text as words from messages_search
       cross join messages m on m.chat_id = +@chat_id and m.id = messages_search.rowid & 4294967295
       where messages_search match +@match
         and messages_search.rowid > (+@chat_id << 32) and messages_search.rowid < ((+@chat_id << 32) | +@before)
       order by messages_search.rowid desc limit +@limit)
     union all
     select * from (
       select m.id, m.created_at, words from search_long
       cross join messages m on m.chat_id = +@chat_id and m.id = place & 4294967295
       where place > (+@chat_id << 32) and place < ((+@chat_id << 32) | +@before)
       order by place desc limit +@limit)
     order by id desc limit +@limit`
  )
  const createdAt = client
    .prepare<[number, number], number>(
      'select created_at from messages where chat_id = ? and id >= ? order by id limit 1'
    )
    .pluck()
  const message = client.prepare<[{ chat_id: number; id: number; user_id: number }], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER}
     where m.chat_id = +@chat_id and m.id = +@id and m.text is not null
       and exists (select 1 from members where chat_id = +@chat_id and user_id = +@user_id)`
  )

  /** The chats that may be searched; first the one with the newest message. */
  function* chats(user_id: number, chat_id: number | undefined): Generator<void, Heap<SearchedChat>> {
    const found = new Heap<SearchedChat>((a, b) => a.times.newest > b.times.newest)
    for (let after = 0, rows: ChatRow[]; ; after = rows.at(-1)?.place as number) {
      rows = chatsOf.all({ user_id, chat_id: chat_id ?? null, after })
      for (const { id, seq, indexed, ordered, ...known } of rows) {
        let times: Times = { ...known, ordered: ordered === 1 }
        for (; times.timed < seq; times = readTimes(id, times, seq)) yield
        found.push({ id, seq, indexed: indexed === 1, times })
      }
      if (rows.length < CHATS) return found
      yield
    }
  }

  /** The id at which a chat's messages stop being older than a place. Their times ascend: it is halved down to. */
  function endOf({ id: chat_id, seq }: SearchedChat, place: Place): number {
    let low = 1
    let high = seq + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const created_at = createdAt.get(chat_id, middle) ?? Number.POSITIVE_INFINITY
      if (isOlder([created_at, chat_id, middle], place)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Puts the matches of a chat that are older than `place` into `found`, as far as they are among the newest `count`. */
  function* collect(
    found: Heap<Place>,
    chat: SearchedChat,
    { count, place, match, has }: { count: number; place?: Place; match: string; has(words: string): boolean }
  ): Generator<void> {
    let before = chat.times.ordered && place ? endOf(chat, place) : chat.seq + 1
    for (let limit = FEW; ; yield) {
      const rows = candidates.all({ chat_id: chat.id, before, match, limit })
      let length = 0
      for (const { id, created_at, words } of rows) {
        const here: Place = [created_at, chat.id, id]
        const late = found.size >= count && isOlder(here, found.first as Place)
        if (late && chat.times.ordered) return
        if (!late && (!place || isOlder(here, place)) && has(words)) {
          found.push(here)
          if (found.size > count) found.pop()
        }
        length += words.length
        if (words.length > SHORT) yield
      }
      if (rows.length < limit) return
      before = rows.at(-1)?.id as number
      limit = length > MUCH ? FEW : Math.min(2 * limit, MANY)
    }
  }

  /** Chats are searched until no other can have anything newer. */
  async function* search(
    user_id: number,
    { chat_id, limit }: SearchRequest,
    asked: Phrase[],
    place: Place | undefined
  ): AsyncGenerator<void, Page<FoundMessage>> {
    if (asked.length === 0) return { items: [] }
    const searched = yield* chats(user_id, chat_id)
    const found = new Heap<Place>(isOlder)
    const has = finder(asked)
    let match: string | undefined
    for (let chat = searched.pop(); chat; chat = searched.pop()) {
      yield
      const { id, seq, indexed, times } = chat
      if (found.size > limit && times.newest < (found.first as Place)[0]) break
      while (!indexed && (await patience.wait(() => index.indexPage(id, seq)))) {
        match = undefined
        yield
      }
      match ??= yield* entry(asked)
      yield* collect(found, chat, { count: limit + 1, match, has, ...(place && { place }) })
    }

    const places: Place[] = []
    for (let oldest = found.pop(); oldest; oldest = found.pop()) places.push(oldest)
    const page = toPage(
      places.reverse(),
      limit,
      item => item,
      item => item
    )
    const items: FoundMessage[] = []
    const highlight = highlighter(asked)
    for (const [, chat_id, id] of page.items) {
      yield
      // Meanwhile it may have been edited or deleted, or the user may have left.
      const row = message.get({ chat_id, id, user_id })
      const html = row && highlight(row.text as string)
      if (html !== undefined) items.push({ ...read(row as MessageRow), highlight: html })
    }
    return { ...page, items }
  }

  return {
    /**
     * Messages of the user's chats with all that `query` asks for, newest first. What the index lacks of these chats is
     * added first. It is found piece by piece: between two of them, whoever goes through the result may let others have
     * the event loop, or leave it at that. Throws INVALID_CURSOR, and VALIDATION_FAILED when too much is asked for.
     */
    find(user_id: number, request: SearchRequest): AsyncGenerator<void, Page<FoundMessage>> {
      const asked = phrases(request.query)
      const place = decodeCursor(request.cursor, [0, 0, 0] as Place)
      if (asked.length > PHRASES) {
        throw new ChatError('VALIDATION_FAILED', {
          detail: `querystring/query must have at most ${PHRASES} different words`,
          field: 'query'
        })
      }
      return search(user_id, request, asked, place)
    }
  }
}

/** Whether `a` stands after `b` in the list. */
function isOlder(a: Place, b: Place): boolean {
  const [created_at, chat_id, id] = b
  if (a[0] !== created_at) return a[0] < created_at
  return a[1] === chat_id ? a[2] < id : a[1] < chat_id
}
