/** The delay after a piece of work, and the delay when there was no work or the server was busy. */
const NEXT_MS = 25
const IDLE_MS = 1000
/** The server is busy when its event loop is, for more than this share of the time. */
const BUSY = 0.5

/**
 * Runs work that no request waits for, piece by piece, while the server is not busy. Each worker does one piece of work
 * and returns false when it found none. A worker that throws is tried again later, and does not stop the others.
 * Returns a function that stops the work.
 */
export function background(workers: (() => boolean)[], onError: (error: unknown) => void): () => void {
  let load = performance.eventLoopUtilization()
  let timer = setTimeout(tick, IDLE_MS).unref()

  function tick(): void {
    const now = performance.eventLoopUtilization()
    const busy = performance.eventLoopUtilization(now, load).utilization > BUSY
    load = now
    const hasMore = !busy && workers.map(attempt).includes(true)
    timer = setTimeout(tick, hasMore ? NEXT_MS : IDLE_MS).unref()
  }

  function attempt(worker: () => boolean): boolean {
    try {
      return worker()
    } catch (error) {
      onError(error)
      return false
    }
  }

  return () => clearTimeout(timer)
}
