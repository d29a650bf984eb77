/** What was found lately, by its key. Bounded: what was not asked for longest goes first. */
export class Recent<Value> {
  readonly #values = new Map<string, Value>()
  readonly #most: number
  readonly #weigh: (value: Value) => number
  #weight = 0

  /** Keeps values of a weight of `most` in all; each weighs 1, unless `weigh` says how much. */
  constructor(most: number, weigh: (value: Value) => number = () => 1) {
    this.#most = most
    this.#weigh = weigh
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key)
    if (value !== undefined) {
      this.#values.delete(key)
      this.#values.set(key, value)
    }
    return value
  }

  set(key: string, value: Value): void {
    const before = this.#values.get(key)
    if (before !== undefined) this.#drop(key, before)
    this.#values.set(key, value)
    this.#weight += this.#weigh(value)
    for (const [oldest, old] of this.#values) {
      if (this.#weight <= this.#most) break
      this.#drop(oldest, old)
    }
  }

  #drop(key: string, value: Value): void {
    this.#values.delete(key)
    this.#weight -= this.#weigh(value)
  }
}
