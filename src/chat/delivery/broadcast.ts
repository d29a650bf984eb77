import type { CommitListener, Committed } from './committed.ts'
import { isNewMessage } from './encoded-batch.ts'
import type { ChatEvents } from './events.ts'
import type { Rooms } from './rooms.ts'

/** Delivers committed batches to the rooms of this node. Members who join or leave in a batch enter or leave the room. */
export class Broadcast implements CommitListener {
  readonly #rooms: Rooms
  readonly #events: ChatEvents

  constructor(rooms: Rooms, events: ChatEvents) {
    this.#rooms = rooms
    this.#events = events
  }

  /**
   * Splits the batch at each `left` message: the user who left gets nothing from there on. Reports members who joined or
   * left to ChatEvents.
   */
  deliver(chat_id: number, batch: Committed[]): void {
    let from = 0
    for (let i = 0; i < batch.length; i++) {
      const change = batch[i] as Committed
      if (!isNewMessage(change)) continue
      const { kind, sender } = change.message
      if (kind === 'joined') this.#events.memberJoined(chat_id, sender.id)
      if (kind !== 'left') continue
      // The user still gets acks for what they sent before.
      this.#deliver(chat_id, batch.slice(from, i))
      this.#events.memberLeft(chat_id, sender.id)
      from = i
    }
    this.#deliver(chat_id, from === 0 ? batch : batch.slice(from))
  }

  #deliver(chat_id: number, batch: Committed[]): void {
    if (batch.length > 0) this.#rooms.get(chat_id)?.deliver(batch)
  }
}
