/** What one part of the server tells the others, on every node. */
export type BusEvent =
  /** These sessions are over: their sockets close. */
  | { type: 'sessions_ended'; session_ids: string[] }
  /** This chat is gone with all that was said in it. */
  | { type: 'chat_removed'; chat_id: number }

/**
 * Carries events between the parts of a node and between nodes. It promises neither delivery nor order beyond its own
 * node: an event is a hint, and what must not be lost is in the database.
 */
export interface Bus {
  publish(event: BusEvent): void
  /** Listeners are called one after the other and must not throw. Returns how to stop listening. */
  subscribe(listener: (event: BusEvent) => void): () => void
}
