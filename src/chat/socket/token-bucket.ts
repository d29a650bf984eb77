/** A rate limit: `rate` events a second in the long run, and `burst` events at once. Stores two numbers, has no timer. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  #tokens: number
  #filledAt = performance.now()

  constructor(rate: number, burst: number) {
    this.#rate = rate
    this.#burst = burst
    this.#tokens = burst
  }

  /** Spends a token and returns 0. Without a token, returns the milliseconds until there is one. */
  spend(): number {
    const now = performance.now()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) * this.#rate) / 1000)
    this.#filledAt = now
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * 1000) / this.#rate)
    this.#tokens--
    return 0
  }
}
