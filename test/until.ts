import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until the condition is true. Throws after `timeoutMs` milliseconds. */
export async function until(isTrue: () => unknown, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`still not true after ${timeoutMs} ms: ${isTrue}`)
    await sleep(2)
  }
}

/** Resolves when a value has not changed for `ms` milliseconds. For what is written or read in the background. */
export async function settled(value: () => number, ms = 200): Promise<void> {
  let [before, since] = [value(), performance.now()]
  await until(() => {
    const now = value()
    if (now !== before) [before, since] = [now, performance.now()]
    return performance.now() - since >= ms
  })
}

/** Resolves in another millisecond of the clock, so that what is stored next has a later time. */
export async function laterTime(): Promise<void> {
  const now = Date.now()
  await until(() => Date.now() > now)
}
