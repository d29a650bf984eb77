/** What one part of the server tells the others, on every node. */
export type BusEvent =
  /** These sessions are over: their sockets close. */
  | { type: 'sessions_ended'; session_ids: string[] }
  /** These users are members of a chat from its beginning. Who joins later is in the log. */
  | { type: 'members_added'; chat_id: number; user_ids: number[] }
  | { type: 'role_changed'; chat_id: number; user_id: number }
  /** A member has read up to this message. */
  | { type: 'read'; chat_id: number; user_id: number; id: number }
  /** The title or the visibility of this chat changed. */
  | { type: 'chat_changed'; chat_id: number }
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
