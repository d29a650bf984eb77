import type Sqlite from 'better-sqlite3'
import { join, words } from '../../search/terms.ts'
import { type ChangesAsked, changesQuery } from '../changes-query.ts'
import { type Times, timesReader } from './times.ts'

/** A page takes so long, in milliseconds, and what its last message and the commit take. */
const PAGE_MS = 5
/** Messages that are read at a time. */
const READ = 50
/** A text of more different words than this is long. */
const LONG = 300
/** Pages of the index that are merged at a time: https://www.sqlite.org/fts5.html#the_merge_command */
const MERGE = 16
/** The background leaves a chat alone while less than this is lacking, and its latest change is not this long ago. */
const BEHIND = 100
const QUIET_MS = 1000
/** Rows of a deleted chat that are taken out at a time. */
const FORGET = 5
/** Chats that are looked at for something to do at a time. */
const CHATS = 500

/** The id of a row, from that of a chat and that of a message. */
const PLACE = '(? << 32) | ?'

interface Cursor extends Omit<Times, 'ordered'> {
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
 * Keeps the index of search-tables.ts up to date, a page at a time: a consumer of the log with a cursor for each chat,
 * and nothing that sending a message waits for.
 */
export function searchIndex(client: Sqlite.Database) {
  // `+?`: see `param` in drizzle.ts.
  const cursor = client.prepare<[number], Cursor>(
    `select coalesce(s.seq, 0) as seq, c.seq as until, coalesce(s.timed, 0) as timed, coalesce(s.newest, 0) as newest,
       coalesce(s.ordered, 1) as ordered
     from chats c left join search_cursors s on s.chat_id = c.id where c.id = +?`
  )
  const setCursor = client.prepare<[Omit<Cursor, 'until'> & { chat_id: number }]>(
    `insert into search_cursors (chat_id, seq, timed, newest, ordered) values (@chat_id, @seq, @timed, @newest, @ordered)
     on conflict (chat_id) do update
     set seq = excluded.seq, timed = excluded.timed, newest = excluded.newest, ordered = excluded.ordered`
  )
  const times = timesReader(client)
  const changes = client.prepare<[ChangesAsked], ChangedRow>(changesQuery('m.id, m.seq, m.kind'))
  const textOf = client
    .prepare<[number, number], string | null>('select text from messages where chat_id = ? and id = ?')
    .pluck()
  const known = client
    .prepare<[number, number], string>(`select text from messages_search where rowid = ${PLACE}`)
    .pluck()
  const add = client.prepare<[number, number, string]>(`insert into messages_search (rowid, text) values (${PLACE}, ?)`)
  const addLong = client.prepare<[number, number, string]>(
    `insert or ignore into search_long (place, words) values (${PLACE}, ?)`
  )
  const remove = client.prepare<[number, number]>(`delete from messages_search where rowid = ${PLACE}`)
  const mergeSome = client.prepare(`insert into messages_search (messages_search, rank) values ('merge', ${MERGE})`)
  const written = client.prepare<[], number>('select total_changes()').pluck()
  const chatsAfter = client.prepare<[{ position: number; quiet: number }], { id: number; behind: number }>(
    `select c.id, c.seq > coalesce(s.seq, 0) + iif(c.updated_at < +@quiet, 0, ${BEHIND}) as behind
     from chats c left join search_cursors s on s.chat_id = c.id
     where c.id > +@position and c.deleted_at is null order by c.id limit ${CHATS}`
  )
  const deletedChat = client.prepare<[], number>('select chat_id from search_deleted_chats limit 1').pluck()
  const forgetRows = [
    ['messages_search', 'rowid'],
    ['search_long', 'place']
  ].map(([table, place]) =>
    client.prepare<[{ chat_id: number }]>(
      `delete from ${table} where ${place} in (select ${place} from ${table}
       where ${place} >= (@chat_id << 32) and ${place} < ((@chat_id + 1) << 32) limit ${FORGET})`
    )
  )
  const forgotten = client.prepare('delete from search_deleted_chats where chat_id = ?')
  /** Where the round through the chats has got to. */
  let position = 0
  /** Whether parts of the index may have to be merged, as each transaction adds one. */
  let parts = true

  /** A message that has the words which it had got a reaction only, or was indexed by an earlier version. */
  function index(chat_id: number, id: number, text: string): void {
    const all = words(text)
    const indexed = join(all)
    const before = known.get(chat_id, id)
    if (before === indexed) return
    if (before !== undefined) remove.run(chat_id, id)
    const isLong = new Set(all.map(({ word }) => word)).size > LONG
    if (isLong) addLong.run(chat_id, id, indexed)
    else add.run(chat_id, id, indexed)
  }

  /** FTS5 would merge by itself, but seldom, and then for 50 ms and more. Returns false when there was nothing to merge. */
  const mergePage = client.transaction((): boolean => {
    const deadline = performance.now() + PAGE_MS
    let merged = false
    while (parts && performance.now() < deadline) {
      const before = written.get() as number
      mergeSome.run()
      // A merge that changes less than two rows had nothing to do.
      parts = (written.get() as number) - before >= 2
      merged ||= parts
    }
    return merged
  }).immediate

  /** Goes on with a chat. Returns false when everything up to the number `upTo` was there already. */
  function indexPage(chat_id: number, upTo = Number.MAX_SAFE_INTEGER): boolean {
    const chat = cursor.get(chat_id)
    if (!chat || chat.seq >= Math.min(chat.until, upTo)) return false
    if (!(parts && mergePage())) addPage(chat_id)
    return true
  }

  const addPage = client.transaction((chat_id: number): void => {
    const chat = cursor.get(chat_id)
    if (!chat) return
    const { until, ...before } = chat
    const deadline = performance.now() + PAGE_MS
    let { seq } = before
    while (seq < until && performance.now() < deadline) {
      const rows = changes.all({ chat_id, after: seq, until, limit: READ })
      // Numbers without a message of their own were replaced by later ones.
      if (rows.length < READ) rows.push({ id: 0, seq: until, kind: '' })
      for (const row of rows) {
        const text = row.kind === 'text' ? textOf.get(chat_id, row.id) : null
        if (typeof text === 'string') index(chat_id, row.id, text)
        seq = row.seq
        if (performance.now() > deadline) break
      }
    }
    // The messages up to the id `seq` are all there.
    const { ordered, ...rest } = times(chat_id, { ...before, ordered: before.ordered === 1 }, seq)
    setCursor.run({ chat_id, seq, ...rest, ordered: ordered ? 1 : 0 })
    parts = true
  }).immediate

  const forgetPage = client.transaction((chat_id: number): void => {
    if (!forgetRows.some(rows => rows.run({ chat_id }).changes > 0)) forgotten.run(chat_id)
  }).immediate

  /** Goes on with some chat. Returns false when it found nothing to do this time. */
  function work(): boolean {
    const chats = chatsAfter.all({ position, quiet: Date.now() - QUIET_MS })
    const behind = chats.find(chat => chat.behind)
    if (behind) return indexPage(behind.id)
    position = chats.length < CHATS ? 0 : (chats.at(-1)?.id as number)
    return position > 0
  }

  /** Goes on with some deleted chat. Returns false when there is none. */
  function forget(): boolean {
    const deleted = deletedChat.get()
    if (deleted === undefined) return false
    forgetPage(deleted)
    return true
  }

  return {
    /** Indexes a page of a chat's changes. Returns false when there are none. */
    indexPage,
    work,
    forget
  }
}

export type SearchIndex = ReturnType<typeof searchIndex>
