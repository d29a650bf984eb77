import type Sqlite from 'better-sqlite3'
import { join, words } from '../../search/terms.ts'
import { type ChangesParameters, changesQuery } from '../changes-query.ts'
import { type ChatTimes, timesReader } from './times.ts'

/** How long a page may take, in milliseconds, without its last message and its commit. */
const PAGE_MS = 5
/** Messages that one query reads. */
const MESSAGES_PER_QUERY = 50
/** A text with more different words than this is long. */
const LONG_TEXT_WORDS = 300
/** Pages of the index that one statement merges: https://www.sqlite.org/fts5.html#the_merge_command */
const MERGED_PAGES = 16
/** The background indexes a chat that lacks more than this many changes, or whose latest change is this long ago. */
const LAG = 100
const QUIET_MS = 1000
/** Rows of a deleted chat that one statement deletes. */
const ROWS_PER_DELETE = 5
/** Chats that one run of the background looks at. */
const CHATS_PER_RUN = 500

/** SQL: the id of a row, made of the id of a chat and the id of a message. */
const ROW_ID = '(? << 32) | ?'

interface CursorRow extends Omit<ChatTimes, 'ordered'> {
  seq: number
  until: number
  ordered: 0 | 1
}

interface ChangedRow {
  id: number
  seq: number
  kind: string
}

/**
 * Keeps the index of tables.ts up to date, page by page: a consumer of the log with a cursor for each chat. Sending a
 * message never waits for it.
 */
export function indexer(client: Sqlite.Database) {
  // `+?`: see `param` in drizzle.ts.
  const cursor = client.prepare<[number], CursorRow>(
    `select coalesce(s.seq, 0) as seq, c.seq as until, coalesce(s.timed, 0) as timed, coalesce(s.newest, 0) as newest,
       coalesce(s.ordered, 1) as ordered
     from chats c left join search_cursors s on s.chat_id = c.id where c.id = +?`
  )
  const setCursor = client.prepare<[Omit<CursorRow, 'until'> & { chat_id: number }]>(
    `insert into search_cursors (chat_id, seq, timed, newest, ordered) values (@chat_id, @seq, @timed, @newest, @ordered)
     on conflict (chat_id) do update
     set seq = excluded.seq, timed = excluded.timed, newest = excluded.newest, ordered = excluded.ordered`
  )
  const times = timesReader(client)
  const changes = client.prepare<[ChangesParameters], ChangedRow>(changesQuery('m.id, m.seq, m.kind'))
  const textOf = client
    .prepare<[number, number], string | null>('select text from messages where chat_id = ? and id = ?')
    .pluck()
  const indexedWords = client
    .prepare<[number, number], string>(`select text from messages_search where rowid = ${ROW_ID}`)
    .pluck()
  const add = client.prepare<[number, number, string]>(
    `insert into messages_search (rowid, text) values (${ROW_ID}, ?)`
  )
  const addLong = client.prepare<[number, number, string]>(
    `insert or ignore into search_long (place, words) values (${ROW_ID}, ?)`
  )
  const remove = client.prepare<[number, number]>(`delete from messages_search where rowid = ${ROW_ID}`)
  const mergePages = client.prepare(
    `insert into messages_search (messages_search, rank) values ('merge', ${MERGED_PAGES})`
  )
  const totalChanges = client.prepare<[], number>('select total_changes()').pluck()
  const chatsAfter = client.prepare<[{ position: number; quiet: number }], { id: number; behind: number }>(
    `select c.id, c.seq > coalesce(s.seq, 0) + iif(c.updated_at < +@quiet, 0, ${LAG}) as behind
     from chats c left join search_cursors s on s.chat_id = c.id
     where c.id > +@position and c.deleted_at is null order by c.id limit ${CHATS_PER_RUN}`
  )
  const deletedChat = client.prepare<[], number>('select chat_id from search_deleted_chats limit 1').pluck()
  const deleteRows = [
    ['messages_search', 'rowid'],
    ['search_long', 'place']
  ].map(([table, place]) =>
    client.prepare<[{ chat_id: number }]>(
      `delete from ${table} where ${place} in (select ${place} from ${table}
       where ${place} >= (@chat_id << 32) and ${place} < ((@chat_id + 1) << 32) limit ${ROWS_PER_DELETE})`
    )
  )
  const chatDone = client.prepare('delete from search_deleted_chats where chat_id = ?')
  /** The id of the last chat that the background has looked at; it starts again from 0. */
  let position = 0
  /** Whether segments of the index may have to be merged: each transaction adds one. */
  let unmerged = true

  /** Does nothing when the words of the message are indexed already: the change was a reaction. */
  function index(chat_id: number, id: number, text: string): void {
    const all = words(text)
    const indexed = join(all)
    const before = indexedWords.get(chat_id, id)
    if (before === indexed) return
    if (before !== undefined) remove.run(chat_id, id)
    const isLong = new Set(all.map(({ word }) => word)).size > LONG_TEXT_WORDS
    if (isLong) addLong.run(chat_id, id, indexed)
    else add.run(chat_id, id, indexed)
  }

  /**
   * Merges segments. FTS5 would do so by itself, but rarely, and for 50 ms and more. Returns false if nothing was
   * merged.
   */
  const mergeSegments = client.transaction((): boolean => {
    const deadline = performance.now() + PAGE_MS
    let merged = false
    while (unmerged && performance.now() < deadline) {
      const before = totalChanges.get() as number
      mergePages.run()
      // A merge that changes fewer than two rows had nothing to do: see the documentation of the command.
      unmerged = (totalChanges.get() as number) - before >= 2
      merged ||= unmerged
    }
    return merged
  }).immediate

  /** Indexes a page of a chat. Returns false when everything up to the number `upTo` is indexed. */
  function indexPage(chat_id: number, upTo = Number.MAX_SAFE_INTEGER): boolean {
    const chat = cursor.get(chat_id)
    if (!chat || chat.seq >= Math.min(chat.until, upTo)) return false
    if (!(unmerged && mergeSegments())) addPage(chat_id)
    return true
  }

  const addPage = client.transaction((chat_id: number): void => {
    const chat = cursor.get(chat_id)
    if (!chat) return
    const { until, ...before } = chat
    const deadline = performance.now() + PAGE_MS
    let { seq } = before
    while (seq < until && performance.now() < deadline) {
      const rows = changes.all({ chat_id, after: seq, until, limit: MESSAGES_PER_QUERY })
      // A page that is not full ends the log. A later change of a message replaces its `seq`, so `until` may have no row.
      if (rows.length < MESSAGES_PER_QUERY) rows.push({ id: 0, seq: until, kind: '' })
      for (const row of rows) {
        const text = row.kind === 'text' ? textOf.get(chat_id, row.id) : null
        if (typeof text === 'string') index(chat_id, row.id, text)
        seq = row.seq
        if (performance.now() > deadline) break
      }
    }
    // All messages up to the id `seq` exist.
    const { ordered, ...rest } = times(chat_id, { ...before, ordered: before.ordered === 1 }, seq)
    setCursor.run({ chat_id, seq, ...rest, ordered: ordered ? 1 : 0 })
    unmerged = true
  }).immediate

  const deletePage = client.transaction((chat_id: number): void => {
    if (!deleteRows.some(rows => rows.run({ chat_id }).changes > 0)) chatDone.run(chat_id)
  }).immediate

  /** A background worker: indexes a page of a chat that needs it. */
  function work(): boolean {
    const chats = chatsAfter.all({ position, quiet: Date.now() - QUIET_MS })
    const behind = chats.find(chat => chat.behind)
    if (behind) return indexPage(behind.id)
    position = chats.length < CHATS_PER_RUN ? 0 : (chats.at(-1)?.id as number)
    return position > 0
  }

  /** A background worker: deletes some rows of a deleted chat. */
  function removeDeleted(): boolean {
    const deleted = deletedChat.get()
    if (deleted === undefined) return false
    deletePage(deleted)
    return true
  }

  return { indexPage, work, removeDeleted }
}

export type Indexer = ReturnType<typeof indexer>
