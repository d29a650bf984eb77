import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { ConfigError, loadDatabaseFile } from '../src/config.ts'
import { markAsCopy } from '../src/db/sqlite/epoch.ts'

// Copies the database to a new file, also while the server runs.

function backup(to: string | undefined): void {
  if (!to) throw new ConfigError('the name of the copy is missing: npm run db:backup -- copy.db')
  if (existsSync(to)) throw new ConfigError(`${to} exists already`)
  const file = loadDatabaseFile()
  if (!existsSync(file)) throw new ConfigError(`DATABASE_URL: ${file} does not exist`)
  const part = `${to}.part`
  // An interrupted backup can have left this file, with other permissions.
  rmSync(part, { force: true })
  // Only the owner may read the copy. SQLite accepts an empty file as a new database.
  writeFileSync(part, '', { mode: 0o600, flag: 'wx' })
  const client = new Sqlite(file)
  try {
    // One read transaction. The page-by-page backup of SQLite starts again after each write of the server.
    client.prepare('vacuum into ?').run(part)
    mark(part)
    renameSync(part, to)
  } finally {
    client.close()
    rmSync(part, { force: true })
  }
  process.stdout.write(`Copied ${file} to ${to} (${(statSync(to).size / 1e6).toFixed(1)} MB)\n`)
}

/** Marks the file as a copy: a server that opens it begins a new epoch, because its history differs from the original. */
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
