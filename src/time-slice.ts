import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long a long job may run before it yields to the event loop, in milliseconds. */
const SLICE_MS = 4

/**
 * Returns a function to call between two steps of a long job. It returns undefined while the time slice lasts. When the
 * slice is used, it returns a promise that resolves in the next turn of the event loop, with a new slice.
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

/** Maps items one by one, in their order, and yields to the event loop when the time slice is used. */
export async function inSlices<T, R>(items: Iterable<T>, map: (item: T) => R): Promise<R[]> {
  const slice = timeSlice()
  const results: R[] = []
  for (const item of items) {
    results.push(map(item))
    const yielded = slice()
    if (yielded !== undefined) await yielded
  }
  return results
}
