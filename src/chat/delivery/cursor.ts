import type { Message } from '../../schemas/message.ts'
import type { Connection } from '../socket/connection.ts'
import { messageFrame } from '../socket/frames.ts'
import type { Room } from './room.ts'

/** What a socket is owed for a send of its own that was committed while the socket was behind. */
interface Owed {
  /** The number of the message, at whose place in the stream the ack belongs. */
  at: number
  /** The encoded ack; none on a plain socket, which gets nothing for its own messages. */
  ack: Buffer | undefined
  /** Whether the message is new; the ack then stands for its `message` frame. */
  fresh: boolean
}

/**
 * How far one socket has read one chat. At the head it is live and the room writes to it. Behind, the room leaves it
 * alone, and it reads pages of the log at its own pace until it is at the head again.
 */
export class Cursor {
  readonly connection: Connection
  readonly room: Room
  /** Everything up to this number was written to the socket. */
  seq: number
  live = false
  /** The head of the chat just after this cursor entered the room; everything later comes through the room. */
  headAtEntry: number | undefined
  /** How many messages of the log are read next: as many as make a page of some size. */
  pageSize = 100
  /** Whether the client asked for the replay and is told when it is complete. */
  announce: boolean
  /** The version of the room's ephemeral state up to which the socket was told everything that changed. */
  knownState = 0
  /** Whether the socket is still to be told the state that it found when it entered. */
  newcomer = true
  /** Frames for this socket alone that it could not be told yet: the latest of each kind. */
  pending: Map<string, Buffer> | undefined
  #owed: Owed[] = []

  constructor(connection: Connection, room: Room, seq: number, announce = false) {
    this.connection = connection
    this.room = room
    this.seq = seq
    this.announce = announce
  }

  get chat_id(): number {
    return this.room.chat_id
  }

  /** Remembers what is due for a send of this socket, until the replay reaches its place. */
  owe(owed: Owed): void {
    this.#owed.push(owed)
  }

  /**
   * The frames for the first messages of a page of the log: as many as it takes to fill `bytes`, or all of them. A
   * message that this socket sent is left out, with the ack in its place. A plain socket's page is in the order of
   * `id`, any other in the order of `seq`.
   */
  render(page: Message[], bytes: number): { frames: Buffer[]; taken: number } {
    const frames: Buffer[] = []
    let taken = 0
    for (let left = bytes; left > 0 && taken < page.length; taken++) {
      const message = page[taken] as Message
      const place = this.connection.v1 ? message.seq : message.id
      this.#settle(place - 1, frames)
      const [first] = this.#owed
      if (first?.fresh && first.at === message.id && first.at === place) this.#settle(place, frames)
      else {
        const frame = messageFrame(message)
        frames.push(frame)
        left -= frame.length
      }
    }
    return { frames, taken }
  }

  /** The acks that are due once everything up to `seq` was written. */
  settle(seq: number): Buffer[] {
    const frames: Buffer[] = []
    this.#settle(seq, frames)
    return frames
  }

  #settle(seq: number, frames: Buffer[]): void {
    while (this.#owed[0] && this.#owed[0].at <= seq) {
      const { ack } = this.#owed.shift() as Owed
      if (ack) frames.push(ack)
    }
  }
}
