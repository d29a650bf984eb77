import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type Sqlite from 'better-sqlite3'
import { ChatError } from '../../errors.ts'
import { isBusy, wrapFunctions } from './errors.ts'

/** How long changes are retried while another process holds the lock. */
const TIMEOUT_MS = 5000
/** Delays between two probes of the lock, with ±50 % jitter; the last one repeats. */
const PROBE_DELAYS_MS = [1, 2, 5, 10, 15, 20, 25] as const

interface ForeignLock {
  /** When changes stop waiting, in milliseconds of `performance.now()`. */
  timeoutAt: number
  /** Resolves after the next probe. */
  probed: Promise<void>
}

/**
 * Retries changes while another process holds the write lock: VACUUM, a migration, a shell that was left open. SQLite's
 * own busy handler would block the event loop: set `busy_timeout = 0`. One probe of the lock serves all waiting
 * changes.
 */
export class BusyRetry {
  readonly #client: Sqlite.Database
  readonly #timeoutMs: number
  readonly #onFailure: (error: unknown) => void
  /** The lock that another process holds, as far as is known. */
  #foreignLock: ForeignLock | undefined
  /** The end of the queue of waiting changes. */
  #queue: Promise<void> = Promise.resolve()

  /**
   * After `timeoutMs`, waiting changes fail, and new ones fail at once until the other process releases the lock.
   * `onFailure` is called with every other error of a change.
   */
  constructor(client: Sqlite.Database, timeoutMs = TIMEOUT_MS, onFailure: (error: unknown) => void = () => undefined) {
    this.#client = client
    this.#onFailure = onFailure
    this.#timeoutMs = timeoutMs
  }

  /** Makes a change as soon as the lock is free. Throws STORAGE_FAILED after the timeout. */
  async run<T>(change: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await change()
      } catch (error) {
        if (!isBusy(error)) {
          this.#onFailure(error)
          throw error
        }
        this.#foreignLock ??= this.#watch()
        if (this.#foreignLock.timeoutAt <= performance.now()) {
          throw new ChatError('STORAGE_FAILED', { retryAfter: 1, cause: error })
        }
      }
      await this.#waitInQueue()
    }
  }

  #waitInQueue(): Promise<void> {
    this.#queue = this.#queue.then(() => this.#waitAsFirst())
    return this.#queue
  }

  /** Waits at the head of the queue. Changes continue one by one, each in a turn of the event loop of its own. */
  async #waitAsFirst(): Promise<void> {
    while (this.#foreignLock && this.#foreignLock.timeoutAt > performance.now()) await this.#foreignLock.probed
    await nextTurn()
  }

  #watch(): ForeignLock {
    const lock = { timeoutAt: performance.now() + this.#timeoutMs, probed: Promise.resolve() }
    lock.probed = this.#probe(lock, 0)
    return lock
  }

  async #probe(lock: ForeignLock, probes: number): Promise<void> {
    await sleep((PROBE_DELAYS_MS[probes] ?? PROBE_DELAYS_MS[6]) * (0.5 + Math.random()))
    if (this.#isHeld()) lock.probed = this.#probe(lock, probes + 1)
    else this.#foreignLock = undefined
  }

  #isHeld(): boolean {
    try {
      this.#client.exec('begin immediate; rollback')
      return false
    } catch (error) {
      return isBusy(error)
    }
  }

  /** Returns the same repository; its functions are retried while another process holds the lock. */
  wrap<Repository extends { [Name in keyof Repository]: (...args: never[]) => Promise<unknown> }>(
    repository: Repository
  ): Repository {
    return wrapFunctions(
      repository,
      call =>
        (...args) =>
          this.run(() => call(...args))
    )
  }
}
