/** How long all jobs together may run in one turn of the event loop, in milliseconds. */
const SLICE_MS = 4

type Job = () => void

/**
 * Schedules many short jobs, such as requests that arrive in one read of the network: all jobs together get one time
 * slice in each turn of the event loop. Without this, a thousand requests that need no I/O would run before anything else
 * gets a turn. Waiting jobs are in queues, one for each connection, which are served round-robin: a connection with a
 * thousand jobs delays another connection by one job.
 */
export class FairTurns {
  /** The queues of waiting jobs by connection, next queue first. No queue is empty. */
  readonly #queues = new Map<object, Job[]>()
  /** The start of the slice of this turn in milliseconds; undefined before the first job of a turn. */
  #began: number | undefined

  /** Runs a job now, or in a later turn. Jobs of one connection keep their order. */
  run(connection: object, job: Job): void {
    if (this.#began === undefined) this.#beginTurn()
    if (this.#queues.size === 0 && !this.#sliceIsUsed()) return job()
    const queue = this.#queues.get(connection)
    if (queue) queue.push(job)
    else this.#queues.set(connection, [job])
  }

  /** Resolves in a turn with time left, for a piece of work that belongs to no connection. */
  turn(): Promise<void> {
    return new Promise(resolve => this.run({}, resolve))
  }

  /** The number of waiting jobs of a connection. */
  waiting(connection: object): number {
    return this.#queues.get(connection)?.length ?? 0
  }

  #beginTurn(): void {
    this.#began = performance.now()
    setImmediate(() => {
      this.#began = undefined
      if (this.#queues.size > 0) void this.#serve()
    })
  }

  #sliceIsUsed(): boolean {
    return performance.now() - (this.#began as number) >= SLICE_MS
  }

  async #serve(): Promise<void> {
    this.#beginTurn()
    while (this.#queues.size > 0 && !this.#sliceIsUsed()) {
      this.#next()?.()
      await promisesSettled()
    }
  }

  #next(): Job | undefined {
    for (const [connection, queue] of this.#queues) {
      const job = queue.shift()
      // The queue moves to the end, or goes away when it is empty.
      this.#queues.delete(connection)
      if (queue.length > 0) this.#queues.set(connection, queue)
      return job
    }
    return undefined
  }
}

/** Resolves after all queued promise callbacks: by then, a job is done or waits for I/O or a timer. */
function promisesSettled(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}
