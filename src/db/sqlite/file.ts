import { closeSync, openSync, realpathSync, statSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { isLocked } from './busy-retry.ts'

/** The database cannot be opened, read or migrated. Its message is one line for whoever starts the server. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

/** A server that is stopping may take this long to release its database. In milliseconds. */
const STOPPING_MS = 1000

/**
 * Makes a file for this user alone, unless it exists. SQLite gives the files that it puts beside it the same mode. Two
 * names make no file.
 */
export function makeFile(file: string): void {
  if (file !== ':memory:' && file !== '') closeSync(openSync(file, 'a', 0o600))
}

/** Whether other users of this machine may read a file, or write to it. */
export function isOpenToOthers(file: string): boolean {
  return file !== ':memory:' && (statSync(file).mode & 0o077) !== 0
}

export interface Lock {
  /** The file under its one real name. */
  file: string
  release(): void
}

/**
 * Keeps other servers from a database file until the lock is released, or the process has ended however it ends: they
 * would not hear of each other's messages. The lock is on a file beside it, `<file>-lock`, so that tools can read and
 * write meanwhile. A symbolic link is followed, so that every server locks the same file. Throws DatabaseError when
 * another server has the file, and for a file with several names (hard links): each of them would get a WAL of its own,
 * which corrupts the database (https://www.sqlite.org/howtocorrupt.html, section 2.5).
 */
export function lock(name: string): Lock {
  if (name === ':memory:') return { file: name, release: () => undefined }
  try {
    makeFile(name)
    const file = realpathSync(name)
    if (statSync(file).nlink > 1) throw new Error('it has more than one name (hard links): copy it instead')
    makeFile(`${file}-lock`)
    const client = new Sqlite(`${file}-lock`, { timeout: STOPPING_MS })
    client.pragma('journal_mode = memory')
    client.exec('begin exclusive')
    return { file, release: () => client.close() }
  } catch (error) {
    throw unopened(name, isLocked(error) ? 'another server has it open' : reasonOf(error as Error), error)
  }
}

export function unopened(file: string, why: string, cause: unknown): DatabaseError {
  return new DatabaseError(`DATABASE_URL: ${file} cannot be opened: ${why}`, { cause })
}

/** What SQLite said, in its one line: Drizzle wraps it in the whole statement. */
export function reasonOf({ cause, message }: Error): string {
  return cause instanceof Error ? reasonOf(cause) : message
}
