import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Repositories } from '../db/plugin.ts'
import type { Message } from '../schemas/message.ts'
import { CLOSE } from './connection.ts'
import type { Cursor } from './cursor.ts'
import { encode } from './frames.ts'

/** Messages of a page: what a socket takes at once, and what a read may hold up the event loop for. */
const PAGE = 100
/** How long pages may be read before the event loop gets a turn, in milliseconds. */
const TURN_MS = 4

/**
 * The one way to the head of a log for a cursor that is not there: after a handshake, after a resume, after the socket
 * was too slow, after the room missed something. Cursors take turns, a page each; one whose socket has not taken its
 * last page waits until it has.
 */
export class CatchUp {
  readonly #messages: Repositories['messages']
  readonly #queue = new Set<Cursor>()
  #running = false

  constructor(messages: Repositories['messages']) {
    this.#messages = messages
  }

  add(cursor: Cursor): void {
    this.#queue.add(cursor)
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  /** A cursor whose socket takes a page at once is back before the event loop has had its turn: that ends every round. */
  async #run(): Promise<void> {
    while (this.#queue.size > 0) {
      const began = performance.now()
      for (const cursor of this.#queue) {
        this.#queue.delete(cursor)
        await this.#advance(cursor)
        if (performance.now() - began >= TURN_MS) break
      }
      await nextTurn()
    }
    this.#running = false
  }

  async #advance(cursor: Cursor): Promise<void> {
    const { connection, room } = cursor
    if (!connection.open || !room.cursors.has(cursor)) return
    try {
      await this.#page(cursor)
    } catch (error) {
      connection.log.error({ err: error, chat_id: room.chat_id }, 'the log cannot be read')
      connection.close(CLOSE.internal)
    }
  }

  /** Writes the next page, and goes live when it was the last one. */
  async #page(cursor: Cursor): Promise<void> {
    const { connection, room, chat_id, seq } = cursor
    if (connection.blocked) return connection.flushed(() => this.add(cursor))
    // What the room was not told of yet, it will be told of; but it knows nothing of the time before its first cursor.
    cursor.joinedAt ??= await this.#messages.head(chat_id)
    const until = Math.max(room.told, cursor.joinedAt)
    const read = connection.v1 ? this.#messages.changes : this.#messages.created
    const page = seq < until ? await read(chat_id, seq, until, PAGE) : []
    // The client may have set another cursor meanwhile; its replay begins at that one.
    if (cursor.seq !== seq) return this.add(cursor)
    const complete = page.length < PAGE
    const last = page.at(-1) as Message
    const reached = complete ? until : connection.v1 ? last.seq : last.id
    const frames = [...cursor.render(page), ...cursor.settle(reached)]
    cursor.seq = reached
    if (complete && room.told <= reached) {
      cursor.live = true
      if (cursor.announce) frames.push(encode({ type: 'live', chat_id, seq: reached }))
      cursor.announce = false
    }
    connection.writeAnyway(Buffer.concat(frames))
    if (!cursor.live) connection.flushed(() => this.add(cursor))
  }
}
