import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { ChatError } from '../../errors.ts'

const PATIENCE_MS = 5000
/** The pauses after which it is looked whether that one is done, the last of them again and again; about, lest it look in step. */
const LOOKS_MS = [1, 2, 5, 10, 15, 20, 25] as const

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
  readonly #patience: number
  readonly #onFailure: (error: unknown) => void
  /** The lock that another process holds, as far as we know. */
  #lock: Lock | undefined
  /** The end of the line of those who wait. */
  #line: Promise<void> = Promise.resolve()

  /**
   * When changes have waited for `patience` milliseconds, they fail at once until the other process is done.
   * `onFailure` is told of every change that failed for another reason.
   */
  constructor(client: Sqlite.Database, patience = PATIENCE_MS, onFailure: (error: unknown) => void = () => undefined) {
    this.#client = client
    this.#onFailure = onFailure
    this.#patience = patience
  }

  /** Makes a change, as soon as the lock is free. Throws STORAGE_FAILED when that takes too long. */
  async wait<T>(change: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await change()
      } catch (error) {
        if (!isLocked(error)) {
          this.#onFailure(error)
          throw error
        }
        this.#lock ??= this.#watch()
        if (this.#lock.until <= performance.now()) throw refusal(error)
      }
      await this.#inLine()
    }
  }

  #inLine(): Promise<void> {
    this.#line = this.#line.then(() => this.#first())
    return this.#line
  }

  /** Waits at the head of the line. One goes on at a time, each in a turn of the event loop of its own. */
  async #first(): Promise<void> {
    while (this.#lock && this.#lock.until > performance.now()) await this.#lock.looked
    await turn()
  }

  #watch(): Lock {
    const lock = { until: performance.now() + this.#patience, looked: Promise.resolve() }
    lock.looked = this.#look(lock, 0)
    return lock
  }

  /** However many wait, one looks. */
  async #look(lock: Lock, times: number): Promise<void> {
    await sleep((LOOKS_MS[times] ?? LOOKS_MS[6]) * (0.5 + Math.random()))
    if (this.#isHeld()) lock.looked = this.#look(lock, times + 1)
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

  /** The same repository, whose functions wait. */
  lend<Repository extends Functions>(repository: Repository): Repository {
    const patient = Object.entries(repository).map(([name, call]) => [
      name,
      (...args: never[]) => this.wait(() => call(...args))
    ])
    return Object.fromEntries(patient) as Repository
  }
}

function refusal(cause: unknown): ChatError {
  return new ChatError('STORAGE_FAILED', { retryAfter: 1, cause })
}
