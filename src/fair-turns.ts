/** How long jobs together may hold the event loop in one turn of it, in milliseconds. */
const SLICE_MS = 4

type Job = () => void

/**
 * Shares the event loop among many short jobs, such as requests that arrive in one read of the network: together they
 * get one slice in each turn of the event loop. Without this, a thousand requests that wait for nothing but memory would
 * all be answered before anything else gets a turn. Jobs that wait are in lines, one for each connection that they came
 * from, which take turns: a connection with a thousand jobs holds up another one for one of them.
 */
export class FairTurns {
  /** The jobs that wait, by connection; the line whose turn comes next is first. No line is empty. */
  readonly #lines = new Map<object, Job[]>()
  /** When the slice of this turn began; undefined before the first job of a turn. */
  #began: number | undefined

  /** Begins a job now, or in a later turn. Those of one connection keep their order. */
  run(connection: object, job: Job): void {
    if (this.#began === undefined) this.#beginTurn()
    if (this.#lines.size === 0 && !this.#usedUp()) return job()
    const line = this.#lines.get(connection)
    if (line) line.push(job)
    else this.#lines.set(connection, [job])
  }

  /** Resolves in a turn that has time left, for a piece of work that comes from no connection. */
  turn(): Promise<void> {
    return new Promise(resolve => this.run({}, resolve))
  }

  /** How many jobs of a connection wait. */
  waiting(connection: object): number {
    return this.#lines.get(connection)?.length ?? 0
  }

  #beginTurn(): void {
    this.#began = performance.now()
    setImmediate(() => {
      this.#began = undefined
      if (this.#lines.size > 0) void this.#serve()
    })
  }

  #usedUp(): boolean {
    return performance.now() - (this.#began as number) >= SLICE_MS
  }

  async #serve(): Promise<void> {
    this.#beginTurn()
    while (this.#lines.size > 0 && !this.#usedUp()) {
      this.#next()?.()
      await promisesSettled()
    }
  }

  #next(): Job | undefined {
    for (const [connection, line] of this.#lines) {
      const job = line.shift()
      // To the end, or away.
      this.#lines.delete(connection)
      if (line.length > 0) this.#lines.set(connection, line)
      return job
    }
    return undefined
  }
}

/** Resolves when everything that promises have made ready has run: a job is then done, or waits for something else. */
function promisesSettled(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}
