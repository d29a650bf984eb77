import type { Bus, BusEvent } from './bus.ts'

/** The bus of a server that is alone: listeners have heard an event when `publish` returns. */
export function localBus(): Bus {
  const listeners = new Set<(event: BusEvent) => void>()
  return {
    publish(event) {
      for (const listener of listeners) listener(event)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}
