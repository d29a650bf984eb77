import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long a piece of work may hold the event loop before others get a turn, in milliseconds. */
const SLICE_MS = 4

/**
 * Returns a function to await between two steps of a long piece of work. It returns at once while the slice lasts, and
 * waits for the next turn of the event loop when the slice is used up.
 */
export function timeSlice(sliceMs = SLICE_MS): () => Promise<void> | undefined {
  let began = performance.now()
  return () => {
    if (performance.now() - began < sliceMs) return undefined
    return nextTurn().then(() => {
      began = performance.now()
    })
  }
}

/** What `job` makes of each item, in their order, giving way between them. */
export async function inSlices<T, R>(items: Iterable<T>, job: (item: T) => R): Promise<R[]> {
  const slice = timeSlice()
  const made: R[] = []
  for (const item of items) {
    made.push(job(item))
    const nextTurn = slice()
    if (nextTurn !== undefined) await nextTurn
  }
  return made
}
