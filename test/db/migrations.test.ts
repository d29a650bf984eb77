import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { DatabaseError } from '../../src/db/database-error.ts'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import { drizzleKit, ROOT } from './kit.ts'

const MIGRATIONS = join(ROOT, 'drizzle/sqlite')

/** What a database file consists of, but for what SQLite, the migrator and the search index keep for themselves. */
function schemaOf(file: string): Record<string, string> {
  const client = new Sqlite(file, { readonly: true })
  const rows = client.prepare<[], { type: string; name: string; sql: string | null }>('select * from sqlite_master')
  const schema = rows
    .all()
    .filter(({ name, sql }) => sql && !/^(sqlite_|__drizzle_|search_|messages_search)/.test(name))
    .map(({ type, name, sql }) => [`${type} ${name}`, plain(sql ?? '')])
  client.close()
  return Object.fromEntries(schema)
}

/** SQL without what does not matter: quotes, case and spaces. */
function plain(sql: string): string {
  return sql
    .replace(/["`]/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),]) ?/g, '$1')
    .toLowerCase()
}

function migrated(t: Test): string {
  const file = join(t.testdir({}), 'confab.db')
  openDatabase(file).$client.close()
  return file
}

function refusal(file: string): string {
  try {
    openDatabase(file).$client.close()
  } catch (error) {
    if (error instanceof DatabaseError) return error.message
    throw error
  }
  throw new Error('not refused')
}

t.test('a file that is missing becomes a whole database', async t => {
  const schema = schemaOf(migrated(t))
  t.strictSame(
    Object.keys(schema)
      .filter(key => key.startsWith('table '))
      .sort(),
    ['chats', 'members', 'messages', 'reactions', 'server', 'sessions', 'users'].map(name => `table ${name}`)
  )
  t.match(schema['index messages_client_id'], 'where client_id is not null')
})

t.test('opening it again changes nothing', async t => {
  const file = migrated(t)
  const before = readFileSync(file)
  openDatabase(file).$client.close()
  t.ok(readFileSync(file).equals(before))
})

t.test('a commit is on disk, and references hold', async t => {
  const { $client } = openDatabase(migrated(t))
  t.teardown(() => $client.close())
  const pragma = (name: string) => $client.pragma(name, { simple: true })
  t.strictSame(['journal_mode', 'synchronous', 'foreign_keys', 'secure_delete', 'trusted_schema'].map(pragma), [
    'wal',
    2,
    1,
    1,
    0
  ])
  t.throws(() => $client.exec("insert into sessions values ('a', 99, 1, 1, 1, null)"), {
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY'
  })
})

t.test('memory is a database too', async t => {
  const { $client } = openDatabase(':memory:')
  t.equal($client.prepare('select count(*) from users').pluck().get(), 0)
  $client.close()
})

t.test('a database that cannot do WAL is refused', async t => {
  // An empty name is a temporary file to SQLite, which has no WAL.
  t.match(refusal(''), 'cannot be switched to WAL (journal mode delete)')
})

t.test('drizzle-kit push makes the same tables and indexes as the migrations', async t => {
  const pushed = join(t.testdir({}), 'pushed.db')
  const { status, output } = await drizzleKit(['push'], { DATABASE_URL: `sqlite:///${pushed}` })
  t.equal(status, 0, output)
  t.strictSame(schemaOf(pushed), schemaOf(migrated(t)))
})

t.test('the server takes a database that was pushed, and its migrations count as applied', async t => {
  const file = join(t.testdir({}), 'pushed.db')
  await drizzleKit(['push'], { DATABASE_URL: `sqlite:///${file}` })
  openDatabase(file).$client.close()
  openDatabase(file).$client.close()
  t.equal((await drizzleKit(['migrate'], { DATABASE_URL: `sqlite:///${file}` })).status, 0, 'nothing is left to apply')
  t.match(schemaOf(file), schemaOf(migrated(t)))
})

t.test('drizzle-kit migrate makes a database that the server takes', async t => {
  const file = join(t.testdir({}), 'made.db')
  const { status, output } = await drizzleKit(['migrate'], { DATABASE_URL: `sqlite:///${file}` })
  t.equal(status, 0, output)
  openDatabase(file).$client.close()
  t.strictSame(schemaOf(file), schemaOf(migrated(t)))
})

t.test('the migrations lack nothing that the tables have', async t => {
  const out = join(t.testdir({}), 'sqlite')
  cpSync(MIGRATIONS, out, { recursive: true })
  const flags = ['--dialect=sqlite', '--schema=./src/db/sqlite/tables.ts', `--out=${relative(ROOT, out)}`]
  const { status, output } = await drizzleKit(['generate', ...flags])
  t.equal(status, 0, output)
  t.match(output, 'No schema changes')
  t.strictSame(readdirSync(out, { recursive: true }).sort(), readdirSync(MIGRATIONS, { recursive: true }).sort())
})

t.test('a database of a newer version is refused and left as it was', async t => {
  const file = migrated(t)
  const client = new Sqlite(file)
  client.pragma('journal_mode = DELETE')
  client.prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)').run('later', 9_999_999_999_999)
  client.close()
  const before = readFileSync(file)
  t.equal(refusal(file), `DATABASE_URL: ${file} cannot be opened: it was made by a newer version of Confab`)
  t.ok(readFileSync(file).equals(before), 'not a byte changed')
  t.strictSame(readdirSync(join(file, '..')), ['confab.db'])
})

t.test('a migration that cannot be applied says why in a line', async t => {
  const file = migrated(t)
  const client = new Sqlite(file)
  client.exec('delete from __drizzle_migrations where rowid > 1')
  client.close()
  t.equal(refusal(file), `DATABASE_URL: ${file} cannot be opened: duplicate column name: deleted_at`)
})

t.test('a database with other migrations is refused', async t => {
  const file = migrated(t)
  const client = new Sqlite(file)
  client.prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)').run('of a fork', 1)
  client.close()
  t.equal(refusal(file), `DATABASE_URL: ${file} cannot be opened: its migrations are not the ones of this version`)
})

t.test('a database that another program made is refused', async t => {
  const directory = t.testdir({ 'notes.txt': 'These are notes. '.repeat(100) })
  t.match(refusal(join(directory, 'notes.txt')), /notes\.txt cannot be opened: file is not a database$/)
  t.match(refusal(directory), `${directory} cannot be opened: `)

  const foreign = join(directory, 'foreign.db')
  const client = new Sqlite(foreign)
  client.exec('create table users (name text)')
  client.close()
  const before = readFileSync(foreign)
  t.equal(refusal(foreign), `DATABASE_URL: ${foreign} cannot be opened: its tables are not those of Confab`)
  t.ok(readFileSync(foreign).equals(before), 'and left as it was')
})
