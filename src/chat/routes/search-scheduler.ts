import { ChatError } from '../../errors.ts'
import { FairTurns } from '../../fair-turns.ts'

/** How long a search may run before others get a turn, in milliseconds. Its last step may exceed this. */
const TURN_MS = 5
/** Max searches that run at the same time, each of another account. */
const MAX_RUNNING = 8
/** Max waiting searches: of one account, and of all. */
const MAX_WAITING_EACH = 100
const MAX_WAITING = 1000
/** When a refused search may be tried again, in seconds. */
const RETRY_AFTER = 1

/** Work that is done step by step, and returns a result at the end. */
export type Work<T> = AsyncGenerator<void, T>

interface Account {
  /** The searches that wait, in the order of their arrival. Each is called with whether it may start. */
  readonly waiting: Set<(mayStart: boolean) => void>
  /** Whether a search of the account runs. */
  running: boolean
}

/**
 * Runs searches in turns, round-robin: one search of each account at a time, and a few accounts at a time. So neither the
 * number of searches nor their length holds up other requests.
 */
export class SearchScheduler {
  /** Accounts with searches that run or wait. The account whose turn is next comes first. */
  readonly #accounts = new Map<number, Account>()
  #running = 0
  #waiting = 0
  readonly #turns = new FairTurns()

  /**
   * Runs a search when the account's turn comes. Resolves with undefined when `signal` aborts first. Throws RATE_LIMITED
   * when too many searches of the account wait, and OVERLOADED when too many searches wait in all.
   */
  async run<T>(account_id: number, work: Work<T>, signal: AbortSignal): Promise<T | undefined> {
    if (!(await this.#start(account_id, signal))) return undefined
    try {
      return await this.#finish(work, signal)
    } finally {
      this.#end(account_id)
    }
  }

  /** Resolves with true when the search may start, with false when `signal` aborts first. */
  #start(account_id: number, signal: AbortSignal): Promise<boolean> {
    const account = this.#accounts.get(account_id) ?? { waiting: new Set(), running: false }
    if (account.waiting.size >= MAX_WAITING_EACH) throw new ChatError('RATE_LIMITED', { retryAfter: RETRY_AFTER })
    if (this.#waiting >= MAX_WAITING) throw new ChatError('OVERLOADED', { retryAfter: RETRY_AFTER })
    this.#accounts.set(account_id, account)
    return new Promise(resolve => {
      const start = (mayStart: boolean) => {
        account.waiting.delete(start)
        this.#waiting--
        signal.removeEventListener('abort', onAbort)
        resolve(mayStart)
      }
      const onAbort = () => {
        start(false)
        if (!account.running && account.waiting.size === 0) this.#accounts.delete(account_id)
      }
      account.waiting.add(start)
      this.#waiting++
      signal.addEventListener('abort', onAbort)
      this.#startNext()
    })
  }

  /** Starts as many waiting searches as may run. */
  #startNext(): void {
    for (const account of this.#accounts.values()) {
      if (this.#running >= MAX_RUNNING) return
      const [start] = account.waiting
      if (account.running || !start) continue
      account.running = true
      this.#running++
      start(true)
    }
  }

  #end(account_id: number): void {
    const account = this.#accounts.get(account_id) as Account
    account.running = false
    this.#running--
    // Moves the account to the end of the queue.
    this.#accounts.delete(account_id)
    if (account.waiting.size > 0) this.#accounts.set(account_id, account)
    this.#startNext()
  }

  async #finish<T>(work: Work<T>, signal: AbortSignal): Promise<T | undefined> {
    for (;;) {
      await this.#turns.turn()
      for (const end = performance.now() + TURN_MS; performance.now() < end; ) {
        if (signal.aborted) return undefined
        const step = await work.next()
        if (step.done) return step.value
      }
    }
  }
}
