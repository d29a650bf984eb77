import type { Message } from '../schemas/message.ts'
import { CLOSE, type Connection } from './connection.ts'
import { messageFrame } from './frames.ts'
import type { Appended } from './log.ts'

/** The sockets of one chat. It hands out what was committed; it never awaits and never reads the database. */
export class Room {
  readonly #connections = new Set<Connection>()

  get size(): number {
    return this.#connections.size
  }

  add(connection: Connection): void {
    this.#connections.add(connection)
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection)
  }

  /**
   * Gives a committed batch to every socket. A message is encoded once, and all of a batch is one buffer and one write
   * for a socket; only a socket that sent some of it gets a buffer of its own, without what it sent.
   */
  deliver(batch: Appended[]): void {
    for (const { message } of batch) if (message.kind === 'left') this.dismiss(message)
    const created = batch.filter(({ message }) => message.seq === message.id)
    if (created.length === 0 || this.#connections.size === 0) return
    const frames = created.map(({ message }) => messageFrame(message))
    const shared = Buffer.concat(frames)
    const senders = new Set(created.map(({ origin }) => origin))
    for (const connection of this.#connections) {
      if (!senders.has(connection)) connection.write(shared)
      else {
        const others = frames.filter((_, i) => created[i]?.origin !== connection)
        if (others.length > 0) connection.write(Buffer.concat(others))
      }
    }
  }

  /** Closes the sockets of a member who left, before they see anything more of the chat. */
  dismiss({ sender }: Pick<Message, 'sender'>): void {
    for (const connection of this.#connections) {
      if (connection.caller.user.id === sender.id) this.#close(connection)
    }
  }

  /** Closes every socket: the chat is gone. */
  dissolve(): void {
    for (const connection of this.#connections) this.#close(connection)
  }

  #close(connection: Connection): void {
    this.#connections.delete(connection)
    connection.close(CLOSE.removed)
  }
}
