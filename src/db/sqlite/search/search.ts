import { ChatError } from '../../../errors.ts'
import type { Page } from '../../../schemas/common.ts'
import type { FoundMessage } from '../../../schemas/message.ts'
import { decodeCursor, toPage } from '../../page.ts'
import type { SearchRequest } from '../../records.ts'
import type { SearchRepository } from '../../repositories.ts'
import type { MessageRow } from '../../rows.ts'
import { highlighter } from '../../search/highlight.ts'
import { matcher, type Phrase, phrases } from '../../search/terms.ts'
import type { BusyRetry } from '../busy-retry.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, messageReader } from '../message-row.ts'
import type { Database } from '../open.ts'
import { Heap } from './heap.ts'
import type { Indexer } from './indexer.ts'
import { matchExpressions } from './match-expression.ts'
import { type ChatTimes, timesReader } from './times.ts'

/** Different words and phrases of a query. */
const MAX_PHRASES = 50
/** Chats that one query reads. */
const CHATS_PER_PAGE = 200
/** Messages of a chat that one query reads: MIN at first, then twice as many each time while messages are short. */
const MIN_CANDIDATES = 10
const MAX_CANDIDATES = 100
/** The messages of a page are long when they have more code units than this together. */
const LONG_PAGE = 50_000
/** The search yields after a text of more code units than this. */
const LONG_TEXT = 1000

/** The place of a result in the order of all results: created_at, chat_id, id. */
type Place = [created_at: number, chat_id: number, id: number]

interface SearchedChat {
  id: number
  /** The search ends at this number: a chat may grow faster than it is indexed. */
  seq: number
  indexed: boolean
  times: ChatTimes
}

interface ChatRow {
  position: number
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

/** What one search asks of each chat. */
interface Criteria {
  count: number
  /** Only results after this place. */
  after: Place | undefined
  /** An expression of FTS5. */
  match: string
  matches(words: string): boolean
}

export function searchRepository(db: Database, index: Indexer, busyRetry: BusyRetry): SearchRepository {
  const client = db.$client
  const toMessage = messageReader(db)
  const readTimes = timesReader(client)
  const chooseMatch = matchExpressions(client)
  // `+@`: see `param` in drizzle.ts.
  const chatsOf = client.prepare<[{ user_id: number; chat_id: number | null; after: number }], ChatRow>(
    `select m.rowid as position, c.id, c.seq, coalesce(s.seq, 0) >= c.seq as indexed, coalesce(s.timed, 0) as timed,
       coalesce(s.newest, 0) as newest, coalesce(s.ordered, 1) as ordered
     from members m join chats c on c.id = m.chat_id left join search_cursors s on s.chat_id = c.id
     where m.user_id = +@user_id and (+@chat_id is null or m.chat_id = +@chat_id) and m.rowid > +@after
     order by m.rowid limit ${CHATS_PER_PAGE}`
  )
  // A chat is a range of row ids. FTS5 reads the range from its end, and no further than the limit.
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

  /** The chats to search; the chat with the newest message comes first. */
  function* chatsToSearch(user_id: number, chat_id: number | undefined): Generator<void, Heap<SearchedChat>> {
    const heap = new Heap<SearchedChat>((a, b) => a.times.newest > b.times.newest)
    for (let after = 0, rows: ChatRow[]; ; after = rows.at(-1)?.position as number) {
      rows = chatsOf.all({ user_id, chat_id: chat_id ?? null, after })
      for (const { id, seq, indexed, ordered, ...known } of rows) {
        let times: ChatTimes = { ...known, ordered: ordered === 1 }
        for (; times.timed < seq; times = readTimes(id, times, seq)) yield
        heap.push({ id, seq, indexed: indexed === 1, times })
      }
      if (rows.length < CHATS_PER_PAGE) return heap
      yield
    }
  }

  /** The first id of a chat that is not older than a place: a binary search, as created_at grows with id. */
  function firstNotOlder({ id: chat_id, seq }: SearchedChat, place: Place): number {
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

  /** Adds the matches of a chat to `results`, of which only the newest `count` are kept. */
  function* collect(results: Heap<Place>, chat: SearchedChat, criteria: Criteria): Generator<void> {
    const { count, after, match, matches } = criteria
    let before = chat.times.ordered && after ? firstNotOlder(chat, after) : chat.seq + 1
    for (let limit = MIN_CANDIDATES; ; yield) {
      const rows = candidates.all({ chat_id: chat.id, before, match, limit })
      let length = 0
      for (const { id, created_at, words } of rows) {
        const place: Place = [created_at, chat.id, id]
        const tooOld = results.size >= count && isOlder(place, results.first as Place)
        if (tooOld && chat.times.ordered) return
        if (!tooOld && (!after || isOlder(place, after)) && matches(words)) {
          results.push(place)
          if (results.size > count) results.pop()
        }
        length += words.length
        if (words.length > LONG_TEXT) yield
      }
      if (rows.length < limit) return
      before = rows.at(-1)?.id as number
      limit = length > LONG_PAGE ? MIN_CANDIDATES : Math.min(2 * limit, MAX_CANDIDATES)
    }
  }

  /** Searches chats until no other chat can have a newer result, then reads the messages of the page. */
  async function* search(
    user_id: number,
    { chat_id, limit }: SearchRequest,
    query: Phrase[],
    after: Place | undefined
  ): AsyncGenerator<void, Page<FoundMessage>> {
    if (query.length === 0) return { items: [] }
    const chats = yield* chatsToSearch(user_id, chat_id)
    const results = new Heap<Place>(isOlder)
    const matches = matcher(query)
    let match: string | undefined
    for (let chat = chats.pop(); chat; chat = chats.pop()) {
      yield
      const { id, seq, indexed, times } = chat
      if (results.size > limit && times.newest < (results.first as Place)[0]) break
      while (!indexed && (await busyRetry.run(() => index.indexPage(id, seq)))) {
        match = undefined
        yield
      }
      match ??= yield* chooseMatch(query)
      yield* collect(results, chat, { count: limit + 1, after, match, matches })
    }

    const places: Place[] = []
    for (let oldest = results.pop(); oldest; oldest = results.pop()) places.push(oldest)
    const page = toPage(
      places.reverse(),
      limit,
      place => place,
      place => place
    )
    const items: FoundMessage[] = []
    const highlight = highlighter(query)
    for (const [, chat_id, id] of page.items) {
      yield
      // Since it was found, the message may have been edited or deleted, or the user may have left.
      const row = message.get({ chat_id, id, user_id })
      const html = row && highlight(row.text as string)
      if (html !== undefined) items.push({ ...toMessage(row as MessageRow), highlight: html })
    }
    return { ...page, items }
  }

  return {
    /** Messages of the searched chats that are not indexed yet are indexed first. */
    find(user_id, request) {
      const query = phrases(request.query)
      const after = decodeCursor(request.cursor, [0, 0, 0] as Place)
      if (query.length > MAX_PHRASES) {
        throw new ChatError('VALIDATION_FAILED', {
          detail: `querystring/query must have at most ${MAX_PHRASES} different words`,
          field: 'query'
        })
      }
      return search(user_id, request, query, after)
    }
  }
}

/** Whether `a` comes after `b` in the list. */
function isOlder(a: Place, b: Place): boolean {
  const [created_at, chat_id, id] = b
  if (a[0] !== created_at) return a[0] < created_at
  return a[1] === chat_id ? a[2] < id : a[1] < chat_id
}
