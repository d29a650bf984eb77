import type { Message } from '../../schemas/message.ts'
import type { Connection } from '../socket/connection.ts'
import { messageFrame } from '../socket/frames.ts'
import type { Committed } from './committed.ts'
import { ackOf, type EncodedBatch } from './encoded-batch.ts'
import type { Room } from './room.ts'

/** The ack of a send that was committed while the cursor of its socket was behind. */
interface PendingAck {
  /** The id of the message: the ack belongs at this place of the stream. */
  id: number
  /** The encoded ack; undefined for a plain socket, which gets nothing for its own messages. */
  frame: Buffer | undefined
  /** Whether the send created the message. The ack then replaces its `message` frame. */
  created: boolean
}

/**
 * How far one socket has read one chat. At the head of the log, a cursor is live and the room writes to its socket.
 * Behind, the room skips it, and it reads pages of the log at its own pace until it is at the head again.
 */
export class Cursor {
  readonly connection: Connection
  readonly room: Room
  /** Everything up to this `seq` was written to the socket. */
  seq: number
  live = false
  /** The head of the chat just after the cursor entered the room. The room delivers everything later. */
  headAtEntry: number | undefined
  /** The number of messages of the next page of the log. It adapts to the size of the messages. */
  pageSize = 100
  /** Whether the client has requested a replay, and gets a `live` frame at its end. */
  announceLive: boolean
  /** Set by the room while it delivers a batch that has changes of this socket. */
  isSender = false
  /** The version of the room's ephemeral state that the socket knows. */
  stateVersion = 0
  /** Whether the socket still needs the lasting frames of the ephemeral state. */
  newcomer = true
  /** Ephemeral frames for this socket alone that are not written yet: the latest of each kind. */
  ownState: Map<string, Buffer> | undefined
  /** In the order of the sends. The ack of a repeated send can have a lower id than the acks before it. */
  #pendingAcks: PendingAck[] = []

  constructor(connection: Connection, room: Room, seq: number, announceLive = false) {
    this.connection = connection
    this.room = room
    this.seq = seq
    this.announceLive = announceLive
  }

  get chat_id(): number {
    return this.room.chat_id
  }

  /**
   * Writes a batch to the socket when the cursor is just before it. Returns false and writes nothing when the cursor is
   * behind, or when too many bytes are unsent; the acks of the batch are then deferred until the replay reaches them.
   */
  write(encoded: EncodedBatch, batch: Committed[]): boolean {
    const { isSender } = this
    this.isSender = false
    if (this.live && this.#writeBatch(encoded, isSender)) return true
    if (isSender) this.#deferAcks(batch)
    return false
  }

  #writeBatch(encoded: EncodedBatch, isSender: boolean): boolean {
    const { connection } = this
    if (encoded.last > 0 && this.seq !== encoded.first - 1) return false
    const frames = isSender ? encoded.forSender(connection, connection.v1) : encoded.forAll(connection.v1)
    if (!connection.write(frames)) return false
    if (encoded.last > 0) this.seq = encoded.last
    return true
  }

  #deferAcks(batch: Committed[]): void {
    const { connection } = this
    for (const change of batch) {
      if (change.origin !== connection) continue
      const frame = connection.v1 ? ackOf(change) : undefined
      this.#pendingAcks.push({ id: change.message.id, frame, created: change.changed })
    }
  }

  /**
   * Encodes the first messages of a page of the log, until they fill `bytes`. An own message of the socket is replaced by
   * its ack. A page for a plain socket ascends by `id`, any other by `seq`. Returns the frames, and how many messages
   * they cover.
   */
  encodePage(page: Message[], bytes: number): { frames: Buffer[]; encoded: number } {
    const frames: Buffer[] = []
    let encoded = 0
    for (let left = bytes; left > 0 && encoded < page.length; encoded++) {
      const message = page[encoded] as Message
      const place = this.connection.v1 ? message.seq : message.id
      this.#flushAcks(place - 1, frames)
      const [first] = this.#pendingAcks
      if (first?.created && first.id === message.id && first.id === place) this.#flushAcks(place, frames)
      else {
        const frame = messageFrame(message)
        frames.push(frame)
        left -= frame.length
      }
    }
    return { frames, encoded }
  }

  /** Returns the pending acks up to `seq`, and removes them. */
  flushAcks(seq: number): Buffer[] {
    const frames: Buffer[] = []
    this.#flushAcks(seq, frames)
    return frames
  }

  #flushAcks(seq: number, frames: Buffer[]): void {
    while (this.#pendingAcks[0] && this.#pendingAcks[0].id <= seq) {
      const { frame } = this.#pendingAcks.shift() as PendingAck
      if (frame) frames.push(frame)
    }
  }
}
