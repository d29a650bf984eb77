import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { drizzle, migrate, readMigrationFiles } from './drizzle.ts'
import { createFile, openError, reasonOf } from './file.ts'
import { removeBrokenIndex } from './search/repair.ts'
import { createSearchIndex } from './search/tables.ts'

export type Database = BetterSQLite3Database & { $client: Sqlite.Database }

const migrationsFolder = fileURLToPath(new URL('../../../drizzle/sqlite/', import.meta.url))

/**
 * Opens a SQLite file (or `:memory:`), creates the file when it is missing and applies missing migrations. Throws
 * DatabaseError, with `name` for the file, and leaves the database of a newer version unchanged.
 */
export function openDatabase(file: string, name = file): Database {
  let client: Sqlite.Database | undefined
  try {
    createFile(file)
    client = new Sqlite(file)
    const migrations = readMigrationFiles({ migrationsFolder })
    refuseNewer(client, migrations.at(-1)?.folderMillis)
    const pushed = findPushed(client)
    configure(client)
    if (pushed) adopt(client, pushed)
    const db = drizzle({ client })
    // A migration that rebuilds a table drops the old one. With foreign keys on, that would delete the rows that refer
    // to it, and they cannot be switched off inside the migrator's transaction. Such a migration checks the references
    // itself before it commits.
    client.pragma('foreign_keys = OFF')
    migrate(db, { migrationsFolder })
    client.pragma('foreign_keys = ON')
    // The migrator silently skips a migration that is older than the newest applied one.
    if (applied(client).length !== migrations.length) throw new Error('its migrations are not the ones of this version')
    removeBrokenIndex(client)
    createSearchIndex(client)
    return db
  } catch (error) {
    client?.close()
    throw openError(name, reasonOf(error as Error), error)
  }
}

function configure(client: Sqlite.Database): void {
  const mode = client.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal' && mode !== 'memory') throw new Error(`it cannot be switched to WAL (journal mode ${mode})`)
  // FULL: a commit returns after the fsync. With NORMAL, the default of better-sqlite3, a power cut loses commits.
  client.pragma('synchronous = FULL')
  // A checkpoint copies a page once, however many batches have changed it. The WAL grows to 64 MiB.
  client.pragma('wal_autocheckpoint = 16000')
  // For the start, and for scripts. Later, the server sets it to 0 and uses BusyRetry.
  client.pragma('busy_timeout = 5000')
  client.pragma('journal_size_limit = 67108864')
  client.pragma('trusted_schema = OFF')
  // Overwrites deleted text in the file.
  client.pragma('secure_delete = ON')
}

/** The times of the applied migrations. */
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
 * For a database whose tables were created by `drizzle-kit push`: the table and rows in which the migrator would have
 * recorded its migrations. Undefined when there are no tables, or migrations created them. Throws when the tables are
 * not those of this version.
 */
function findPushed(client: Sqlite.Database): { table: string; rows: AppliedRow[] } | undefined {
  if (applied(client).length > 0 || columns(client) === '') return undefined
  const migrated = new Sqlite(':memory:')
  try {
    migrate(drizzle({ client: migrated }), { migrationsFolder })
    if (columns(migrated) !== columns(client)) throw new Error('its tables are not those of Confab')
    const sql = "select sql from sqlite_master where name = '__drizzle_migrations'"
    const [table] = migrated.prepare<[], string>(sql).pluck().all()
    const rows = migrated.prepare<[], AppliedRow>('select hash, created_at from __drizzle_migrations').all()
    return { table: table as string, rows }
  } finally {
    migrated.close()
  }
}

/** Records the migrations as applied. */
function adopt(client: Sqlite.Database, { table, rows }: { table: string; rows: AppliedRow[] }): void {
  client.exec(table)
  const insert = client.prepare('insert into __drizzle_migrations (hash, created_at) values (@hash, @created_at)')
  for (const row of rows) insert.run(row)
}

/** The names of all columns of the tables in tables.ts, as one text to compare. */
function columns(client: Sqlite.Database): string {
  const names = client.prepare<[], string>(
    `select t.name || '.' || c.name from sqlite_master t join pragma_table_info(t.name) c
     where t.type = 'table' and t.name not like 'sqlite%' and t.name <> '__drizzle_migrations'
       and t.name not like '%search%' order by 1`
  )
  return names.pluck().all().join()
}
