import type { FastifyRateLimitStore } from '@fastify/rate-limit'
import { LruCache } from '../lru-cache.ts'

/** Keys that are counted at a time. Beyond that, those that were not met lately begin anew. */
const KEYS = 20_000

interface Window {
  /** When it began, in milliseconds of the process. */
  since: number
  count: number
}

/**
 * Counts requests in windows of the monotonic clock. The clock of the system may be set back, and a window that it began
 * would then last for as long as the clock was set back by.
 */
export class LimitStore implements FastifyRateLimitStore {
  readonly #windows = new LruCache<Window>(KEYS)

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

  /** A store for another limit. */
  child(): LimitStore {
    return new LimitStore()
  }
}
