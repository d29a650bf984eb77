import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { drizzle, migrate, readMigrationFiles } from './drizzle.ts'
import { isLocked } from './patience.ts'
import { createSearchIndex } from './search-index.ts'
import { repairSearchIndex } from './search-repair.ts'

export type Database = BetterSQLite3Database & { $client: Sqlite.Database }

/** The database cannot be opened, read or migrated. Its message is one line for whoever starts the server. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

/** A server that is stopping may take this long to let go of its database. In milliseconds. */
const STOPPING_MS = 1000

const migrationsFolder = fileURLToPath(new URL('../../drizzle/sqlite/', import.meta.url))

/**
 * Keeps other servers from a file until the result is closed, or the process has ended however it ends: they would not
 * hear of each other's messages. The lock is on a file beside it, so that tools can read and write meanwhile. Throws
 * DatabaseError when another server has it.
 */
export function claim(file: string): { close(): void } {
  try {
    const lock = openFile(file === ':memory:' ? file : `${file}-lock`, { timeout: STOPPING_MS })
    lock.pragma('journal_mode = memory')
    lock.exec('begin exclusive')
    return lock
  } catch (error) {
    throw unopened(file, isLocked(error) ? 'another server has it open' : reason(error as Error), error)
  }
}

/**
 * Opens the SQLite file (or `:memory:`), creates it when it is missing and applies the migrations it lacks.
 * Throws DatabaseError, and leaves a database of a newer version as it was.
 */
export function openDatabase(file: string): Database {
  let client: Sqlite.Database | undefined
  try {
    client = openFile(file)
    const migrations = readMigrationFiles({ migrationsFolder })
    refuseNewer(client, migrations.at(-1)?.folderMillis)
    const pushed = findPushed(client)
    configure(client)
    if (pushed) adopt(client, pushed)
    const db = drizzle({ client })
    migrate(db, { migrationsFolder })
    // The migrator skips, without a word, an entry that is older than the newest one applied.
    if (applied(client).length !== migrations.length) throw new Error('its migrations are not the ones of this version')
    createSearchIndex(client)
    repairSearchIndex(client)
    return db
  } catch (error) {
    client?.close()
    throw unopened(file, reason(error as Error), error)
  }
}

/** A file that is made is for this user alone, and so is what SQLite puts beside it. These two names make none. */
function openFile(file: string, options?: Sqlite.Options): Sqlite.Database {
  if (file !== ':memory:' && file !== '') closeSync(openSync(file, 'a', 0o600))
  return new Sqlite(file, options)
}

function unopened(file: string, why: string, cause: unknown): DatabaseError {
  return new DatabaseError(`DATABASE_URL: ${file} cannot be opened: ${why}`, { cause })
}

/** What SQLite said, in its one line: Drizzle wraps it in the whole statement. */
function reason({ cause, message }: Error): string {
  return cause instanceof Error ? reason(cause) : message
}

function configure(client: Sqlite.Database): void {
  const mode = client.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal' && mode !== 'memory') throw new Error(`it cannot be switched to WAL (journal mode ${mode})`)
  // FULL: a commit returns after the fsync. better-sqlite3 is built with NORMAL, which forgets commits in a power cut.
  client.pragma('synchronous = FULL')
  // Pages that many batches change are copied into the database once for all of them. The WAL grows to 64 MiB.
  client.pragma('wal_autocheckpoint = 16000')
  client.pragma('foreign_keys = ON')
  // For the start, and for scripts. The server then waits otherwise: patience.ts.
  client.pragma('busy_timeout = 5000')
  client.pragma('journal_size_limit = 67108864')
  client.pragma('trusted_schema = OFF')
  // Deleted text is overwritten, not only unlinked.
  client.pragma('secure_delete = ON')
}

/** The times of the migrations that this database has had. */
function applied(client: Sqlite.Database): number[] {
  const table = client.prepare("select 1 from sqlite_master where name = '__drizzle_migrations'").get()
  if (!table) return []
  return client.prepare<[], number>('select created_at from __drizzle_migrations order by 1').pluck().all().map(Number)
}

function refuseNewer(client: Sqlite.Database, latest = 0): void {
  if (applied(client).some(time => time > latest)) throw new Error('it was made by a newer version of Confab')
}

interface AppliedRow {
  hash: string
  created_at: number
}

/**
 * The migrations that tables are the result of which drizzle-kit has pushed; undefined when there are no tables, or
 * they came by migrations. Throws when they are not those of this version.
 */
function findPushed(client: Sqlite.Database): { table: string; rows: AppliedRow[] } | undefined {
  if (applied(client).length > 0 || columns(client) === '') return undefined
  const fresh = new Sqlite(':memory:')
  try {
    migrate(drizzle({ client: fresh }), { migrationsFolder })
    if (columns(fresh) !== columns(client)) throw new Error('its tables are not those of Confab')
    const sql = "select sql from sqlite_master where name = '__drizzle_migrations'"
    const [table] = fresh.prepare<[], string>(sql).pluck().all()
    const rows = fresh.prepare<[], AppliedRow>('select hash, created_at from __drizzle_migrations').all()
    return { table: table as string, rows }
  } finally {
    fresh.close()
  }
}

/** Has the migrations count as applied. */
function adopt(client: Sqlite.Database, { table, rows }: { table: string; rows: AppliedRow[] }): void {
  client.exec(table)
  const insert = client.prepare('insert into __drizzle_migrations (hash, created_at) values (@hash, @created_at)')
  for (const row of rows) insert.run(row)
}

/** Every column of every table that drizzle-kit knows of, as one text. */
function columns(client: Sqlite.Database): string {
  const names = client.prepare<[], string>(
    `select t.name || '.' || c.name from sqlite_master t join pragma_table_info(t.name) c
     where t.type = 'table' and t.name not like 'sqlite%' and t.name <> '__drizzle_migrations'
       and t.name not like '%search%' order by 1`
  )
  return names.pluck().all().join()
}
