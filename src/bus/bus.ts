/** An event that one part of the server publishes to the others, on every node. */
export type BusEvent =
  /** These sessions have ended, and their sockets must close. */
  | { type: 'sessions_ended'; session_ids: string[] }
  /** These users are the first members of a new chat. Members who are added later are in the log. */
  | { type: 'members_added'; chat_id: number; user_ids: number[] }
  /** The role of a member has changed. */
  | { type: 'role_changed'; chat_id: number; user_id: number }
  /** The read marker of a member has moved to this message id. */
  | { type: 'read'; chat_id: number; user_id: number; id: number }
  /** A field of this chat, such as the title, has changed. */
  | { type: 'chat_changed'; chat_id: number }
  /** This chat was deleted with all of its messages. */
  | { type: 'chat_removed'; chat_id: number }

/**
 * Carries events between the parts of a node and between nodes. Between nodes, events can be lost or come in another
 * order: an event is a hint, and the database has everything that must not be lost.
 */
export interface Bus {
  /** Sends an event to all listeners. Never throws. */
  publish(event: BusEvent): void
  /** Adds a listener, which must not throw. Listeners are called one after the other. Returns a function to remove it. */
  subscribe(listener: (event: BusEvent) => void): () => void
}
