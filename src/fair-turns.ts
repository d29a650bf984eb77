/** How long jobs together may hold the event loop in one turn of it, in milliseconds. */
const SLICE_MS = 4

/**
 * Shares the event loop among many short jobs, such as requests that arrive in one read of the network: together they
 * get one slice in each turn of the event loop, first come, first served. Without this, a thousand requests that wait
 * for nothing but memory would all be answered before anything else gets a turn.
 */
export class FairTurns {
  #waiting: (() => void)[] = []
  /** When the slice of this turn began; undefined before the first job of a turn. */
  #began: number | undefined

  /** Begins a job now, or in a later turn. The order is kept. */
  run(job: () => void): void {
    if (this.#began === undefined) this.#beginTurn()
    else if (this.#waiting.length > 0 || this.#usedUp()) return void this.#waiting.push(job)
    job()
  }

  #beginTurn(): void {
    this.#began = performance.now()
    setImmediate(() => {
      this.#began = undefined
      if (this.#waiting.length > 0) void this.#serve()
    })
  }

  #usedUp(): boolean {
    return performance.now() - (this.#began as number) >= SLICE_MS
  }

  async #serve(): Promise<void> {
    this.#beginTurn()
    const jobs = this.#waiting
    let next = 0
    while (next < jobs.length && !this.#usedUp()) {
      jobs[next++]?.()
      await promisesSettled()
    }
    this.#waiting = jobs.slice(next)
  }
}

/** Resolves when everything that promises have made ready has run: a job is then done, or waits for something else. */
function promisesSettled(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}
