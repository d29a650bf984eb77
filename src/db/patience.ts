import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { ChatError } from '../errors.ts'

/** How long a change waits for another process that writes, in milliseconds. */
const PATIENCE_MS = 5000
/** How often it is looked whether that one is done, in milliseconds. */
const LOOK_MS = 40

/** Whether another process holds the lock (https://www.sqlite.org/rescode.html#busy). Drizzle wraps what SQLite says. */
export function isLocked(error: unknown): boolean {
  if (error instanceof Sqlite.SqliteError) return error.code.startsWith('SQLITE_BUSY')
  return error instanceof Error && isLocked(error.cause)
}

type Functions = Record<string, (...args: never[]) => Promise<unknown>>

/**
 * Lets changes wait while another process holds the lock: VACUUM, a migration, a shell that somebody left open. SQLite
 * would wait too, but in the event loop: it has to be told not to (`busy_timeout = 0`).
 */
export class Patience {
  readonly #client: Sqlite.Database
  /** While the lock is held: resolves when it has been looked at once more. */
  #held: Promise<void> | undefined

  constructor(client: Sqlite.Database) {
    this.#client = client
  }

  /** Makes a change, as soon as the lock is free. Throws what SQLite said when that takes too long. */
  async wait<T>(change: () => T | Promise<T>): Promise<T> {
    const end = performance.now() + PATIENCE_MS
    let locked: unknown
    do {
      try {
        return await change()
      } catch (error) {
        if (!isLocked(error)) throw error
        locked = error
      }
      this.#held ??= this.#look()
      while (this.#held !== undefined && performance.now() < end) await this.#held
    } while (performance.now() < end)
    throw locked
  }

  /** The same repository, whose functions wait. They throw STORAGE_FAILED when that took too long. */
  lend<Repository extends Functions>(repository: Repository): Repository {
    const waiting =
      (call: Functions[string]): Functions[string] =>
      async (...args) => {
        try {
          return await this.wait(() => call(...args))
        } catch (cause) {
          throw isLocked(cause) ? new ChatError('STORAGE_FAILED', { retryAfter: 1, cause }) : cause
        }
      }
    return Object.fromEntries(Object.entries(repository).map(([name, call]) => [name, waiting(call)])) as Repository
  }

  /** However many wait, one looks. */
  async #look(): Promise<void> {
    await sleep(LOOK_MS)
    this.#held = this.#isHeld() ? this.#look() : undefined
  }

  #isHeld(): boolean {
    try {
      this.#client.exec('begin immediate; rollback')
      return false
    } catch (error) {
      return isLocked(error)
    }
  }
}
