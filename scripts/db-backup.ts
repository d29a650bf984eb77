import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { ConfigError, loadDatabaseFile } from '../src/config.ts'
import { markAsCopy } from '../src/db/sqlite/epoch.ts'

// Copies the database, also while the server runs.

function backup(to: string | undefined): void {
  if (!to) throw new ConfigError('say where to: npm run db:backup -- copy.db')
  if (existsSync(to)) throw new ConfigError(`${to} is there already`)
  const file = loadDatabaseFile()
  if (!existsSync(file)) throw new ConfigError(`DATABASE_URL: there is no ${file}`)
  const part = `${to}.part`
  // What a backup that was interrupted has left; it may be for others to read.
  rmSync(part, { force: true })
  // SQLite takes an empty file for none. Nobody else may read it.
  writeFileSync(part, '', { mode: 0o600, flag: 'wx' })
  const client = new Sqlite(file)
  try {
    // One reading transaction. A copy made page by page begins anew with each write of the server, and may never end.
    client.prepare('vacuum into ?').run(part)
    mark(part)
    renameSync(part, to)
  } finally {
    client.close()
    rmSync(part, { force: true })
  }
  process.stdout.write(`Copied ${file} to ${to} (${(statSync(to).size / 1e6).toFixed(1)} MB)\n`)
}

/** What the server writes to the copy later is another history than that of the original. */
function mark(file: string): void {
  const copy = new Sqlite(file)
  markAsCopy(copy)
  copy.close()
}

try {
  backup(process.argv[2])
} catch (error) {
  process.stderr.write(`db:backup: ${(error as Error).message}\n`)
  process.exitCode = 1
}
