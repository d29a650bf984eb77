import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { drizzle, migrate, readMigrationFiles } from './drizzle.ts'
import { makeFile, reasonOf, unopened } from './file.ts'
import { removeBrokenIndex } from './search/repair.ts'
import { createSearchIndex } from './search/tables.ts'

export type Database = BetterSQLite3Database & { $client: Sqlite.Database }

const migrationsFolder = fileURLToPath(new URL('../../../drizzle/sqlite/', import.meta.url))

/**
 * Opens the SQLite file (or `:memory:`), creates it when it is missing and applies the migrations it lacks.
 * Throws DatabaseError, which calls the file by this name, and leaves a database of a newer version as it was.
 */
export function openDatabase(file: string, name = file): Database {
  let client: Sqlite.Database | undefined
  try {
    makeFile(file)
    client = new Sqlite(file)
    const migrations = readMigrationFiles({ migrationsFolder })
    refuseNewer(client, migrations.at(-1)?.folderMillis)
    const pushed = findPushed(client)
    configure(client)
    if (pushed) adopt(client, pushed)
    const db = drizzle({ client })
    // A migration that rebuilds a table drops the old one: with foreign keys on, what refers to its rows would go too.
    // They cannot be switched off inside the migrator's transaction. Such a migration checks itself that no reference
    // breaks, before it is committed.
    client.pragma('foreign_keys = OFF')
    migrate(db, { migrationsFolder })
    client.pragma('foreign_keys = ON')
    // The migrator skips, without a word, an entry that is older than the newest one applied.
    if (applied(client).length !== migrations.length) throw new Error('its migrations are not the ones of this version')
    removeBrokenIndex(client)
    createSearchIndex(client)
    return db
  } catch (error) {
    client?.close()
    throw unopened(name, reasonOf(error as Error), error)
  }
}

function configure(client: Sqlite.Database): void {
  const mode = client.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal' && mode !== 'memory') throw new Error(`it cannot be switched to WAL (journal mode ${mode})`)
  // FULL: a commit returns after the fsync. better-sqlite3 is built with NORMAL, which forgets commits in a power cut.
  client.pragma('synchronous = FULL')
  // Pages that many batches change are copied into the database once for all of them. The WAL grows to 64 MiB.
  client.pragma('wal_autocheckpoint = 16000')
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
