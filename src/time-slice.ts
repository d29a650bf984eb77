import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long a piece of work may hold the event loop before others get a turn, in milliseconds. */
const SLICE_MS = 4

/**
 * Returns a function to await between two steps of a long piece of work. It returns at once while the slice lasts, and
 * waits for the next turn of the event loop when the slice is used up.
 */
export function timeSlice(sliceMs = SLICE_MS): () => Promise<void> | undefined {
  let began = performance.now()
  return () => {
    if (performance.now() - began < sliceMs) return undefined
    return nextTurn().then(() => {
      began = performance.now()
    })
  }
}

/**
 * Shares the event loop among many short jobs, such as requests that arrive in one read of the network: together they
 * get one slice in each turn of the event loop, first come, first served. Without it, a thousand requests that need
 * nothing but memory would all be answered before anything else gets a turn.
 */
export class FairTurns {
  readonly #sliceMs: number
  #waiting: (() => void)[] = []
  /** When the slice of this turn began; undefined before the first job of a turn. */
  #began: number | undefined

  constructor(sliceMs = SLICE_MS) {
    this.#sliceMs = sliceMs
  }

  /** To be awaited before a job. Undefined when the job may begin at once. */
  enter(): Promise<void> | undefined {
    if (this.#began === undefined) {
      this.#began = performance.now()
      setImmediate(() => this.#endTurn())
      return undefined
    }
    if (this.#waiting.length === 0 && performance.now() - this.#began < this.#sliceMs) return undefined
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #endTurn(): void {
    this.#began = undefined
    if (this.#waiting.length > 0) void this.#serve()
  }

  /** Lets waiting jobs begin until the slice is used up. */
  async #serve(): Promise<void> {
    const began = performance.now()
    this.#began = began
    setImmediate(() => this.#endTurn())
    const jobs = this.#waiting
    let next = 0
    while (next < jobs.length && performance.now() - began < this.#sliceMs) {
      jobs[next++]?.()
      await microtasksRun()
    }
    this.#waiting = jobs.slice(next)
  }
}

/** Resolves when all that promises have made ready has run: the job is then done, or waits for something else. */
function microtasksRun(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}
