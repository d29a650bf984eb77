import type { Message } from '../../schemas/message.ts'

/** One committed change of a chat, or a repeated send that changed nothing. */
export interface Committed {
  /** The message that the change created or changed; for a repeated send, the stored one. */
  message: Message
  /** Whether the log got a new `seq`. False when a `client_id` was repeated. */
  changed: boolean
  /** The socket that sent the change; undefined for HTTP. Opaque: a room compares it with its own sockets. */
  origin: object | undefined
  /** The `client_id` of a send, for its ack. */
  client_id: string | undefined
}

/**
 * Receives what the log has committed: the seam between the log and the rooms. Today the rooms of this node are the only
 * listener (broadcast.ts). A bus to other nodes implements the same interface.
 */
export interface CommitListener {
  /** Gets the changes of one chat in one batch, in the order of the log. Each is on disk. */
  deliver(chat_id: number, batch: Committed[]): void
}

/** Tells the log when sockets cannot keep up. */
export interface BackPressure {
  /** Whether large rooms have pending deliveries: the next batch waits for a short time. */
  readonly busy: boolean
  /** Whether the backlog of some chat is full. */
  readonly anyFull: boolean
  /** Whether the backlog of this chat is full: its changes wait until the room has delivered it. */
  isFull(chat_id: number): boolean
}
