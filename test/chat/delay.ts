import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../helper.ts'

/** Lets one function of a repository answer only after `ms`. */
export function delay(repository: Json, name: string, ms: number): void {
  const answer = repository[name].bind(repository)
  repository[name] = async (...args: unknown[]) => {
    await sleep(ms)
    return answer(...args)
  }
}
