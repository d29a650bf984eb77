import { ChatError } from '../errors.ts'

/**
 * Returns a function that runs jobs, at most `running` at once. At most `waiting` more wait in a queue; all others are
 * refused with OVERLOADED.
 */
export function limitConcurrency(running: number, waiting: number): <T>(job: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = []
  let active = 0
  return async job => {
    if (active < running) active++
    else if (queue.length >= waiting) throw new ChatError('OVERLOADED', { retryAfter: 2 })
    else await new Promise<void>(resolve => queue.push(resolve))
    try {
      return await job()
    } finally {
      // The next job of the queue takes over the place of this job, so that `active` does not change.
      const next = queue.shift()
      if (next) next()
      else active--
    }
  }
}
