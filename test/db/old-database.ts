import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import type { Test } from 'tap'
import { build } from '../helper.ts'

const MIGRATIONS = fileURLToPath(new URL('../../drizzle/sqlite/', import.meta.url))

/** The index that this version made at its start. */
const SEARCH = `
  create virtual table messages_search using fts5 (text, tokenize = 'ascii', prefix = '1 2 3');
  insert into messages_search (messages_search, rank) values ('secure-delete', 1);
  create table search_cursors (chat_id integer primary key, seq integer not null);
  create table search_deleted_chats (chat_id integer primary key);
  create trigger search_text_changed after update of text on messages
  when new.text is not old.text begin
    delete from messages_search where rowid = (old.chat_id << 32) | old.id;
  end;
  create trigger search_chat_deleted after delete on chats begin
    insert or ignore into search_deleted_chats values (old.id);
    delete from search_cursors where chat_id = old.id;
  end;`

/** The statements of a migration. */
export function statementsOf(tag: string): string[] {
  return readFileSync(`${MIGRATIONS}${tag}.sql`, 'utf8').split('--> statement-breakpoint')
}

/** Makes a database as the first two migrations leave it, with their tables empty. */
function makeOld(file: string): Sqlite.Database {
  const client = new Sqlite(file)
  client.pragma('journal_mode = WAL')
  client.pragma('foreign_keys = ON')
  client.exec('create table __drizzle_migrations (id serial primary key, hash text not null, created_at numeric)')
  const applied = client.prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)')
  const journal = JSON.parse(readFileSync(`${MIGRATIONS}meta/_journal.json`, 'utf8'))
  for (const { tag, when } of journal.entries.slice(0, 2)) {
    for (const statement of statementsOf(tag)) client.exec(statement)
    applied.run(
      createHash('sha256')
        .update(readFileSync(`${MIGRATIONS}${tag}.sql`))
        .digest('hex'),
      when
    )
  }
  client.exec(SEARCH)
  return client
}

/** The emoji of message 1 of chat 1, in the order in which they came; not that of the primary key. */
export const EMOJI = ['🎉', '👍', '❤️', '🅰️']

/** Fills such a database with something of everything. References hold. */
export function fillOld(client: Sqlite.Database): void {
  client.exec(`
    insert into users (id, username, display_name, password_hash, created_at) values
      (1, 'ann', 'Ann SMITH', 'hash of ann', 1000), (2, 'bob', 'Bób Ωmega', 'hash of bob', 1001),
      (3, 'cyd', 'ÇYD', 'hash of cyd', 1002), (9, 'dan', 'Tab	here', 'hash of dan', 1003);
    insert into sessions values
      ('session-of-ann', 1, 1, 2, 99999999999999, 'Firefox'), ('session-of-bob', 2, 1, 2, 3, null);
    insert into chats (id, kind, visibility, title, direct_key, seq, created_by, created_at, updated_at, deleted_at) values
      (1, 'group', 'public', 'Общий чат', null, 12, 1, 10, 20, null),
      (2, 'group', 'private', 'Plain', null, 1, 2, 11, 21, null),
      (3, 'direct', 'private', null, '1:2', 2, 1, 12, 22, null),
      (4, 'group', 'private', 'Deleted', null, 1, 3, 13, 23, 24),
      (8, 'group', 'public', 'CAFÉ Über', null, 0, 9, 14, 25, null);
    insert into members values
      (1, 1, 'owner', 3, 10), (1, 2, 'member', 0, 11), (1, 3, 'admin', 1, 12), (2, 2, 'owner', 0, 11),
      (3, 1, 'owner', 0, 12), (3, 2, 'owner', 2, 12), (8, 9, 'owner', 0, 14);
    insert into messages
      (chat_id, id, seq, kind, sender_id, client_id, text, reply_to, meta, created_at, edited_at, deleted_at) values
      (1, 1, 8, 'text', 1, 'c1', 'first', null, null, 100, null, null),
      (1, 2, 9, 'text', 2, 'c1', 'edited text', 1, '{"first_text":"abc"}', 101, 109, null),
      (1, 3, 10, 'text', 2, null, null, null, null, 102, null, 110),
      (1, 4, 4, 'joined', 3, null, null, null, '{"added_by":1}', 103, null, null),
      (1, 11, 12, 'renamed', 1, null, 'Общий чат', null, null, 104, null, null),
      (2, 1, 1, 'text', 2, null, 'alone', null, null, 105, null, null),
      (3, 1, 1, 'text', 1, 'd1', 'hello', null, null, 106, null, null),
      (3, 2, 2, 'text', 2, 'd1', 'hello too', 1, null, 107, null, null),
      (4, 1, 1, 'text', 3, null, 'in a deleted chat', null, null, 108, null, null);`)
  const react = client.prepare('insert into reactions values (?, ?, ?, ?, ?)')
  react.run(1, 11, 3, '👍', 200)
  for (const emoji of EMOJI) react.run(1, 1, 3 - (EMOJI.indexOf(emoji) % 3), emoji, 201)
  client.exec(`
    insert into messages_search (rowid, text)
      select (chat_id << 32) | id, lower(text) from messages where text is not null and chat_id in (1, 2);
    insert into search_cursors select id, seq from chats where id in (1, 2);`)
}

/** The tables that a migration may not lose anything of, and the columns that they had. */
const COLUMNS = {
  users: 'id, username, display_name, password_hash, created_at',
  sessions: 'rowid, *',
  chats: 'id, kind, visibility, title, direct_key, seq, created_by, created_at, updated_at, deleted_at',
  members: 'rowid, *',
  messages:
    'rowid, chat_id, id, seq, kind, sender_id, client_id, text, reply_to, meta, created_at, edited_at, deleted_at',
  reactions: 'rowid, chat_id, message_id, user_id, emoji, created_at',
  messages_search: 'rowid, *',
  search_deleted_chats: '*'
}

/** Every row of every table, without what the migration adds. */
export function rowsOf(client: Sqlite.Database): Record<string, unknown[]> {
  const rows = Object.entries(COLUMNS).map(([table, columns]) => [
    table,
    client.prepare(`select ${columns} from ${table} order by 1`).all()
  ])
  const broken = client.prepare('select * from pragma_foreign_key_check order by 1, 2, 3, 4')
  return { ...Object.fromEntries(rows), broken: broken.all() }
}

/** Display names and titles, each with its folded text. */
export function foldedNames(client: Sqlite.Database): unknown[] {
  const of = (table: string, column: string) =>
    client
      .prepare<[], Record<string, string>>(`select * from ${table} where ${column} is not null order by id`)
      .all()
      .map(row => `${row[column]}: ${row[`${column}_folded`]}`)
  return [...of('users', 'display_name'), ...of('chats', 'title')]
}

/** A file with a database of the version before, which `fill` has filled. Gone with the test. */
export function old(t: Test, fill = fillOld): string {
  const directory = mkdtempSync(join(tmpdir(), 'confab-test-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'confab.db')
  const client = makeOld(file)
  fill(client)
  client.close()
  return file
}

/** What `look` finds in a database file. */
export function within<T>(file: string, look: (client: Sqlite.Database) => T): T {
  const client = new Sqlite(file)
  try {
    return look(client)
  } finally {
    client.close()
  }
}

/** Runs SQL that breaks references. */
export function withoutReferences(client: Sqlite.Database, sql: string): void {
  client.pragma('foreign_keys = OFF')
  client.exec(sql)
  client.pragma('foreign_keys = ON')
}

/** The app on a database file that there is. */
export const openServer = (t: Test, file: string) => build(t, { DATABASE_URL: `sqlite:///${file}` })
