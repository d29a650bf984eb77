import type { Test } from 'tap'
import { Log } from '../../src/chat/log.ts'

/**
 * Counts the changes that are submitted to a log from now on, until the test ends: the log of the first one, because
 * other servers of this process have logs too. Returns the number so far.
 */
export function countSubmits(t: Test): () => number {
  const { submit } = Log.prototype
  let log: Log | undefined
  let submits = 0
  Log.prototype.submit = function (change) {
    log ??= this
    if (this === log) submits++
    submit.call(this, change)
  }
  t.teardown(() => {
    Log.prototype.submit = submit
  })
  return () => submits
}
