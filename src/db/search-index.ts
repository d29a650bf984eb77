import type Sqlite from 'better-sqlite3'
import { type ChangesAsked, changesQuery } from './changes.ts'
import { indexable } from './search-text.ts'

/** Messages that are indexed at a time: as many, or as take so long. */
const PAGE = 100
const PAGE_MS = 10
/** Rows of a deleted chat that are taken out at a time. */
const FORGET = 5
/** After this long without a change, the rest of a chat is indexed too. */
const QUIET_MS = 1000
/** Chats that are looked at for something to do at a time. */
const CHATS = 500

/**
 * The full-text index: a consumer of the log with a cursor for each chat, and nothing that sending a message waits for.
 * Virtual tables are beyond migrations; whoever drops `messages_search` has it built anew from the messages.
 *
 * A row's id is (chat_id << 32) | message id, so that a chat is a range of them, newest last. The words are those of
 * search-text.ts: the tokenizer only splits at spaces. The index keeps its own copy of them because FTS5 can take a
 * deleted text out of its pages ("secure-delete") only when it knows what it was. Text that is edited or deleted leaves
 * in the same transaction, by the trigger; the consumer brings an edited one back. A deleted chat, which nobody can
 * find any more, leaves little by little.
 */
export function createSearchIndex(client: Sqlite.Database): void {
  const exists = client.prepare("select 1 from sqlite_master where name = 'messages_search'")
  client
    .transaction(() => {
      if (!exists.get()) {
        client.exec(`
          create virtual table messages_search using fts5 (text, tokenize = 'ascii', prefix = '1 2 3');
          insert into messages_search (messages_search, rank) values ('secure-delete', 1);
          drop table if exists search_cursors;`)
      }
      client.exec(`
        create table if not exists search_cursors (chat_id integer primary key, seq integer not null);
        create table if not exists search_deleted_chats (chat_id integer primary key);
        create trigger if not exists search_text_changed after update of text on messages
        when new.text is not old.text begin
          delete from messages_search where rowid = (old.chat_id << 32) | old.id;
        end;
        create trigger if not exists search_chat_deleted after delete on chats begin
          insert or ignore into search_deleted_chats values (old.id);
          delete from search_cursors where chat_id = old.id;
        end;`)
    })
    .immediate()
}

interface ChangedRow {
  id: number
  seq: number
  kind: string
  text: string | null
}

/** Keeps the index up to date, a page at a time: no function here takes much longer than PAGE_MS. */
export function searchIndex(client: Sqlite.Database) {
  const progress = client.prepare<[number], { done: number; until: number }>(
    `select coalesce(s.seq, 0) as done, c.seq as until
     from chats c left join search_cursors s on s.chat_id = c.id where c.id = ?`
  )
  const setCursor = client.prepare(
    'insert into search_cursors (chat_id, seq) values (?, ?) on conflict (chat_id) do update set seq = excluded.seq'
  )
  const changes = client.prepare<[ChangesAsked], ChangedRow>(changesQuery('m.id, m.seq, m.kind, m.text'))
  // A message that is there already got a reaction only: its text has not changed, or the trigger had taken it out.
  const add = client.prepare('insert or ignore into messages_search (rowid, text) values ((? << 32) | ?, ?)')
  // Not before there is a full page, or nobody has written for a while: a page costs a transaction.
  const chatsAfter = client.prepare<[{ position: number; quiet: number }], { id: number; behind: number }>(
    `select c.id, c.seq > coalesce(s.seq, 0) + iif(c.updated_at < @quiet, 0, ${PAGE}) as behind
     from chats c left join search_cursors s on s.chat_id = c.id
     where c.id > @position and c.deleted_at is null order by c.id limit ${CHATS}`
  )
  const deletedChat = client.prepare<[], number>('select chat_id from search_deleted_chats limit 1').pluck()
  const forgetRows = client.prepare(
    `delete from messages_search where rowid in (select rowid from messages_search
     where rowid >= (@chat_id << 32) and rowid < ((@chat_id + 1) << 32) limit ${FORGET})`
  )
  const forgotten = client.prepare('delete from search_deleted_chats where chat_id = ?')
  /** Where the round through the chats has got to. */
  let position = 0

  /** Goes on with a chat. Returns false when everything up to the number `upTo` was there already. */
  const indexPage = client.transaction((chat_id: number, upTo = Number.MAX_SAFE_INTEGER): boolean => {
    const chat = progress.get(chat_id)
    if (!chat || chat.done >= Math.min(chat.until, upTo)) return false
    const { done, until } = chat
    const deadline = performance.now() + PAGE_MS
    const rows = changes.all({ chat_id, after: done, until, limit: PAGE })
    // Numbers without a message of their own were replaced by later ones.
    if (rows.length < PAGE) rows.push({ id: 0, seq: until, kind: '', text: null })
    let seq = done
    for (const row of rows) {
      if (row.kind === 'text' && row.text !== null) add.run(chat_id, row.id, indexable(row.text))
      seq = row.seq
      if (performance.now() > deadline) break
    }
    setCursor.run(chat_id, seq)
    return true
  }).immediate

  const forgetPage = client.transaction((chat_id: number): void => {
    if (forgetRows.run({ chat_id }).changes === 0) forgotten.run(chat_id)
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
