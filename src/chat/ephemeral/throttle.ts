/** Runs a job at once when triggered, and then at most once in `gapMs`: later triggers run it once, after the gap. */
export class Throttle {
  readonly #gapMs: number
  readonly #job: () => void
  #ranAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(gapMs: number, job: () => void) {
    this.#gapMs = gapMs
    this.#job = job
  }

  trigger(): void {
    const wait = Math.max(0, this.#ranAt + this.#gapMs - performance.now())
    this.#timer ??= setTimeout(() => this.#run(), wait).unref()
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #run(): void {
    this.#timer = undefined
    this.#ranAt = performance.now()
    this.#job()
  }
}
