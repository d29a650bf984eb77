import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from './helper.ts'

type Call = () => Promise<Json>

/** Replaces a function of a repository. `around` gets the original call and its arguments, and returns the result. */
export function intercept(
  repository: Json,
  name: string,
  around: (call: Call, ...args: Json[]) => Promise<Json>
): void {
  const original = repository[name].bind(repository)
  repository[name] = (...args: Json[]) => around(async () => original(...args), ...args)
}

/** Makes a function of a repository slow: each call begins after `ms` milliseconds. */
export function slow(repository: Json, name: string, ms: number): void {
  intercept(repository, name, async call => {
    await sleep(ms)
    return call()
  })
}

/** Makes a function of a repository fail, after `successes` calls that succeed. Returns the number of calls so far. */
export function fail(repository: Json, name: string, successes = 0): () => number {
  let calls = 0
  intercept(repository, name, async call => {
    if (++calls > successes) throw new Error(`${name} fails in this test`)
    return call()
  })
  return () => calls
}

interface Held {
  /** Resolves with the first call. */
  called: Promise<void>
  /** Lets all calls go on, those to come as well. */
  release: () => void
}

/** Holds all calls of a function of a repository before they begin. */
export function holdCalls(repository: Json, name: string): Held {
  const [called, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  intercept(repository, name, async call => {
    called.resolve()
    await released.promise
    return call()
  })
  return { called: called.promise, release: released.resolve }
}

/** Holds the answers of all calls of a function of a repository. `called` resolves when the first answer is known. */
export function holdAnswers(repository: Json, name: string): Held {
  const [called, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  intercept(repository, name, async call => {
    const answer = await call()
    called.resolve()
    await released.promise
    return answer
  })
  return { called: called.promise, release: released.resolve }
}
