import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
import { createSearchIndex } from './search-index.ts'

export type Database = BetterSQLite3Database & { $client: Sqlite.Database }

/** The database cannot be opened, read or migrated. Its message is one line for whoever starts the server. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

const MIGRATIONS = new URL('../../drizzle/sqlite/', import.meta.url)

/**
 * Opens the SQLite file (or `:memory:`), creates it when it is missing and applies the migrations it lacks.
 * Throws DatabaseError, and leaves a database of a newer version as it was.
 */
export function openDatabase(file: string): Database {
  let client: Sqlite.Database | undefined
  try {
    client = new Sqlite(file)
    const journal = readJournal()
    refuseNewer(client, journal)
    configure(client)
    const db = drizzle({ client })
    migrate(db, { migrationsFolder: fileURLToPath(MIGRATIONS) })
    // The migrator skips, without a word, an entry that is older than the newest one applied.
    if (applied(client).length !== journal.length) throw new Error('its migrations are not the ones of this version')
    createSearchIndex(client)
    return db
  } catch (error) {
    client?.close()
    throw new DatabaseError(`DATABASE_URL: ${file} cannot be opened: ${reason(error as Error)}`, { cause: error })
  }
}

/** What SQLite said, in its one line: Drizzle wraps it in the whole statement. */
function reason({ cause, message }: Error): string {
  return cause instanceof Error ? reason(cause) : message
}

function configure(client: Sqlite.Database): void {
  const mode = client.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal' && !client.memory) throw new Error(`it cannot be switched to WAL (journal mode ${mode})`)
  // FULL: a commit returns after the fsync. better-sqlite3 is built with NORMAL, which forgets commits in a power cut.
  client.pragma('synchronous = FULL')
  client.pragma('foreign_keys = ON')
  client.pragma('busy_timeout = 5000')
  client.pragma('journal_size_limit = 67108864')
  client.pragma('trusted_schema = OFF')
  // Deleted text is overwritten, not only unlinked.
  client.pragma('secure_delete = ON')
}

/** The times of the migrations that this version brings, ascending. */
function readJournal(): number[] {
  const { entries } = JSON.parse(readFileSync(new URL('meta/_journal.json', MIGRATIONS), 'utf8'))
  return entries.map((entry: { when: number }) => entry.when)
}

/** The times of the migrations that this database has had. */
function applied(client: Sqlite.Database): number[] {
  const table = client.prepare("select 1 from sqlite_master where name = '__drizzle_migrations'").get()
  if (!table) return []
  return client.prepare<[], number>('select created_at from __drizzle_migrations order by 1').pluck().all().map(Number)
}

function refuseNewer(client: Sqlite.Database, journal: number[]): void {
  const newest = applied(client).at(-1) ?? 0
  if (newest > (journal.at(-1) ?? 0)) throw new Error('it was made by a newer version of Confab')
}
