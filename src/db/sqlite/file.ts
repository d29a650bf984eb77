import { closeSync, openSync, realpathSync, statSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { DatabaseError } from '../database-error.ts'
import { isBusy } from './errors.ts'

/** How long to wait for a server that is stopping to release its lock, in milliseconds. */
const LOCK_TIMEOUT_MS = 1000

/**
 * Creates a file that only this user may read and write, unless it exists. SQLite gives the files beside it the same
 * mode. Two names stand for databases without a file.
 */
export function createFile(file: string): void {
  if (file !== ':memory:' && file !== '') closeSync(openSync(file, 'a', 0o600))
}

/** Whether other users of this machine may read a file, or write to it. */
export function isOpenToOthers(file: string): boolean {
  return file !== ':memory:' && (statSync(file).mode & 0o077) !== 0
}

export interface FileLock {
  /** The path of the file, without symbolic links. */
  file: string
  release(): void
}

/**
 * Locks a database file against other servers: two servers with one file would not deliver each other's messages. The
 * lock ends with `release`, or with the process, however the process ends. It is a lock of SQLite on a file beside the
 * database, `<file>-lock`: tools can read and write the database meanwhile. Symbolic links are followed, so that every
 * server locks the same file. Throws DatabaseError when another server has the file, and for a file with several names
 * (hard links): each name would get a WAL of its own, which corrupts the database
 * (https://www.sqlite.org/howtocorrupt.html, section 2.5).
 */
export function acquireLock(name: string): FileLock {
  if (name === ':memory:') return { file: name, release: () => undefined }
  try {
    createFile(name)
    const file = realpathSync(name)
    if (statSync(file).nlink > 1) throw new Error('it has more than one name (hard links): copy it instead')
    createFile(`${file}-lock`)
    const client = new Sqlite(`${file}-lock`, { timeout: LOCK_TIMEOUT_MS })
    client.pragma('journal_mode = memory')
    client.exec('begin exclusive')
    return { file, release: () => client.close() }
  } catch (error) {
    throw openError(name, isBusy(error) ? 'another server has it open' : reasonOf(error as Error), error)
  }
}

export function openError(file: string, reason: string, cause: unknown): DatabaseError {
  return new DatabaseError(`DATABASE_URL: ${file} cannot be opened: ${reason}`, { cause })
}

/** The message of SQLite, which is one line. Drizzle wraps it in the whole statement. */
export function reasonOf({ cause, message }: Error): string {
  return cause instanceof Error ? reasonOf(cause) : message
}
