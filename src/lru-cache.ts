/**
 * A bounded cache by key: an approximate LRU with two generations, the algorithm of quick-lru
 * (https://github.com/sindresorhus/quick-lru). When the young map is full, it becomes the old one, and what was in the
 * old one is evicted. A hit in the old map moves the entry to the young one. A hit in the young map is a single lookup.
 */
export class LruCache<Value, Key = string> {
  readonly #maxGenerationWeight: number
  readonly #weightOf: (value: Value) => number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()
  #youngWeight = 0

  /**
   * Holds values of at most `maxWeight` together. Each value weighs 1, unless `weightOf` returns another weight. A
   * value that weighs more than half of `maxWeight` is not stored.
   */
  constructor(maxWeight: number, weightOf: (value: Value) => number = () => 1) {
    this.#maxGenerationWeight = maxWeight / 2
    this.#weightOf = weightOf
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
    const weight = this.#weightOf(value)
    if (weight > this.#maxGenerationWeight) return
    if (this.#youngWeight + weight > this.#maxGenerationWeight) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngWeight = 0
    }
    this.#young.set(key, value)
    this.#youngWeight += weight
  }

  delete(key: Key): void {
    this.#old.delete(key)
    const before = this.#young.get(key)
    if (before === undefined) return
    this.#young.delete(key)
    this.#youngWeight -= this.#weightOf(before)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#youngWeight = 0
  }
}
