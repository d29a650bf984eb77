import type { FastifyRateLimitStore } from '@fastify/rate-limit'
import { LruCache } from '../lru-cache.ts'

/** Maximum number of keys with a count. Beyond it, the least recently used keys lose their counts. */
const MAX_KEYS = 20_000

interface Window {
  /** The start of the window on the monotonic clock, in milliseconds. */
  since: number
  count: number
}

/**
 * Counts requests in fixed windows of the monotonic clock. When the system clock is set back, a window on that clock
 * would last longer by that time.
 */
export class LimitStore implements FastifyRateLimitStore {
  readonly #windows = new LruCache<Window>(MAX_KEYS)

  incr(key: string, callback: Parameters<FastifyRateLimitStore['incr']>[1], timeWindow: number): void {
    const now = performance.now()
    let window = this.#windows.get(key)
    if (!window || now - window.since >= timeWindow) {
      window = { since: now, count: 0 }
      this.#windows.set(key, window)
    }
    window.count++
    callback(null, { current: window.count, ttl: timeWindow - (now - window.since) })
  }

  /** Returns a new store for another limit. */
  child(): LimitStore {
    return new LimitStore()
  }
}
