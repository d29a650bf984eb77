import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { ChatError } from '../errors.ts'

/** How long changes wait for another process that writes. From then on, until it is done, they fail at once. */
const PATIENCE_MS = 5000
/** How often it is looked whether that one is done. */
const LOOK_MS = 40

/** Whether another process holds the lock (https://www.sqlite.org/rescode.html#busy). Drizzle wraps what SQLite says. */
export function isLocked(error: unknown): boolean {
  if (error instanceof Sqlite.SqliteError) return error.code.startsWith('SQLITE_BUSY')
  return error instanceof Error && isLocked(error.cause)
}

type Functions = Record<string, (...args: never[]) => Promise<unknown>>

interface Lock {
  /** When patience with it ends, in milliseconds of the process. */
  until: number
  /** Resolves when it has been looked at once more. */
  looked: Promise<void>
}

/**
 * Lets changes wait while another process holds the lock: VACUUM, a migration, a shell that somebody left open. SQLite
 * would wait too, but in the event loop: it has to be told not to (`busy_timeout = 0`).
 */
export class Patience {
  readonly #client: Sqlite.Database
  /** The lock that another process holds, as far as we know. */
  #lock: Lock | undefined
  /** The end of the line of those who wait. */
  #line: Promise<void> = Promise.resolve()

  constructor(client: Sqlite.Database) {
    this.#client = client
  }

  /** Makes a change, as soon as the lock is free. Throws what SQLite said when that takes too long. */
  async wait<T>(change: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await change()
      } catch (error) {
        if (!isLocked(error)) throw error
        this.#lock ??= this.#watch()
        if (this.#lock.until <= performance.now()) throw error
      }
      this.#line = this.#line.then(() => this.#first())
      await this.#line
    }
  }

  /** Waits at the head of the line. One goes on at a time, each in a turn of the event loop of its own. */
  async #first(): Promise<void> {
    while (this.#lock && this.#lock.until > performance.now()) await this.#lock.looked
    await turn()
  }

  #watch(): Lock {
    const lock = { until: performance.now() + PATIENCE_MS, looked: Promise.resolve() }
    lock.looked = this.#look(lock)
    return lock
  }

  /** However many wait, one looks. */
  async #look(lock: Lock): Promise<void> {
    await sleep(LOOK_MS)
    if (this.#isHeld()) lock.looked = this.#look(lock)
    else this.#lock = undefined
  }

  #isHeld(): boolean {
    try {
      this.#client.exec('begin immediate; rollback')
      return false
    } catch (error) {
      return isLocked(error)
    }
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
}
