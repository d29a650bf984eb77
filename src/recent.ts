/**
 * What was found lately, by its key. Bounded: what was not asked for lately goes first. It goes by halves: all that was
 * set or asked for while one half filled is kept while the next one fills, so that being asked for costs one look.
 */
export class Recent<Value, Key = string> {
  readonly #half: number
  readonly #weigh: (value: Value) => number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()
  /** Of the young half. */
  #weight = 0

  /** Keeps values of a weight of `most` in all; each weighs 1, unless `weigh` says how much. None is kept beyond half. */
  constructor(most: number, weigh: (value: Value) => number = () => 1) {
    this.#half = most / 2
    this.#weigh = weigh
  }

  get(key: Key): Value | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: Key, value: Value): void {
    this.delete(key)
    const weight = this.#weigh(value)
    if (weight > this.#half) return
    if (this.#weight + weight > this.#half) {
      this.#old = this.#young
      this.#young = new Map()
      this.#weight = 0
    }
    this.#young.set(key, value)
    this.#weight += weight
  }

  delete(key: Key): void {
    this.#old.delete(key)
    const before = this.#young.get(key)
    if (before === undefined) return
    this.#young.delete(key)
    this.#weight -= this.#weigh(before)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#weight = 0
  }
}
