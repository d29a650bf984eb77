import { isLocked } from './sqlite/busy-retry.ts'

/** Pauses between two pieces of work, and when there was nothing to do or the server was busy. */
const NEXT_MS = 25
const IDLE_MS = 1000
/** The server is busy when its event loop was, for more than this part of the time. */
const BUSY = 0.5

/**
 * Does what nobody waits for, a piece at a time, while the server has little else to do. Each worker does a piece and
 * returns false when it found nothing to do. Returns a function that ends it.
 */
export function background(workers: (() => boolean)[], onError: (error: unknown) => void): () => void {
  let load = performance.eventLoopUtilization()
  let timer = setTimeout(tick, IDLE_MS).unref()

  function tick(): void {
    const now = performance.eventLoopUtilization()
    const busy = performance.eventLoopUtilization(now, load).utilization > BUSY
    load = now
    const more = !busy && workers.map(attempt).includes(true)
    timer = setTimeout(tick, more ? NEXT_MS : IDLE_MS).unref()
  }

  /** One that fails does not keep the others from their work. Another process that writes is waited for. */
  function attempt(worker: () => boolean): boolean {
    try {
      return worker()
    } catch (error) {
      if (!isLocked(error)) onError(error)
      return false
    }
  }

  return () => clearTimeout(timer)
}
