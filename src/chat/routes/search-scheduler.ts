import { ChatError } from '../../errors.ts'
import { FairTurns } from '../../fair-turns.ts'

/** A search has the event loop for so long at a time, in milliseconds, and what its last piece of work takes. */
const TURN_MS = 5
/** Searches that run at once, each of another account. */
const RUNNING = 8
/** Searches that may wait: of one account, and in all. */
const WAITING_EACH = 100
const WAITING = 1000
/** Seconds after which a search that was turned away may be tried again. */
const RETRY_AFTER = 1

/** Work that is done piece by piece, and has a result at last. */
export type Work<T> = AsyncGenerator<void, T>

interface Account {
  /** In the order in which they came; each is told whether it may start. */
  readonly waiting: Set<(start: boolean) => void>
  runs: boolean
}

/**
 * Lets searches have the event loop in turns, one search after the other. Of an account, one runs at a time, and
 * of all accounts a few, which take turns at that as well. So nobody else feels how many there are, or how long they take.
 */
export class Searches {
  /** Accounts whose searches run or wait; the one whose turn comes next is first. */
  readonly #accounts = new Map<number, Account>()
  #running = 0
  #waiting = 0
  readonly #turns = new FairTurns()

  /**
   * Does the work for an account, when its turn has come. Resolves with undefined when `signal` aborts before it is done.
   * Throws RATE_LIMITED when too many searches of the account wait, and OVERLOADED when too many wait in all.
   */
  async run<T>(account_id: number, work: Work<T>, signal: AbortSignal): Promise<T | undefined> {
    if (!(await this.#start(account_id, signal))) return undefined
    try {
      return await this.#finish(work, signal)
    } finally {
      this.#end(account_id)
    }
  }

  /** Resolves with false when `signal` aborts first. */
  #start(account_id: number, signal: AbortSignal): Promise<boolean> {
    const account = this.#accounts.get(account_id) ?? { waiting: new Set(), runs: false }
    if (account.waiting.size >= WAITING_EACH) throw new ChatError('RATE_LIMITED', { retryAfter: RETRY_AFTER })
    if (this.#waiting >= WAITING) throw new ChatError('OVERLOADED', { retryAfter: RETRY_AFTER })
    this.#accounts.set(account_id, account)
    return new Promise(resolve => {
      const start = (mayStart: boolean) => {
        account.waiting.delete(start)
        this.#waiting--
        signal.removeEventListener('abort', giveUp)
        resolve(mayStart)
      }
      const giveUp = () => {
        start(false)
        if (!account.runs && account.waiting.size === 0) this.#accounts.delete(account_id)
      }
      account.waiting.add(start)
      this.#waiting++
      signal.addEventListener('abort', giveUp)
      this.#fill()
    })
  }

  /** Starts what may start. */
  #fill(): void {
    for (const account of this.#accounts.values()) {
      if (this.#running >= RUNNING) return
      const [start] = account.waiting
      if (account.runs || !start) continue
      account.runs = true
      this.#running++
      start(true)
    }
  }

  #end(account_id: number): void {
    const account = this.#accounts.get(account_id) as Account
    account.runs = false
    this.#running--
    // To the end of the line.
    this.#accounts.delete(account_id)
    if (account.waiting.size > 0) this.#accounts.set(account_id, account)
    this.#fill()
  }

  async #finish<T>(work: Work<T>, signal: AbortSignal): Promise<T | undefined> {
    for (;;) {
      await this.#turns.turn()
      for (const end = performance.now() + TURN_MS; performance.now() < end; ) {
        if (signal.aborted) return undefined
        const piece = await work.next()
        if (piece.done) return piece.value
      }
    }
  }
}
