import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Repositories } from '../db/repositories.ts'
import type { Message } from '../schemas/message.ts'
import { CLOSE, type Connection } from './connection.ts'
import type { Cursor } from './cursor.ts'
import { encode } from './frames.ts'

/** Messages of a page at most: what a socket takes at once, and what a read may hold up the event loop for. */
const PAGE = 100
/** Bytes of a page, with which it ends early: a few long messages are enough for a slow socket. */
const PAGE_BYTES = 64 * 1024
/** How long pages may be read before the event loop gets a turn, in milliseconds. */
const TURN_MS = 4

/**
 * The one way to the head of a log for a cursor that is not there: after a handshake, after a resume, after the socket
 * was too slow, after the room missed something. Sockets take turns, a page each; one that has not taken its last page
 * waits until it has.
 */
export class CatchUp {
  readonly #messages: Repositories['messages']
  readonly #queue = new Set<Connection>()
  #running = false

  constructor(messages: Repositories['messages']) {
    this.#messages = messages
  }

  add(cursor: Cursor): void {
    cursor.connection.behind.add(cursor)
    this.#queue.add(cursor.connection)
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  /** A socket that takes a page at once is back before the event loop has had its turn: that ends every round. */
  async #run(): Promise<void> {
    while (this.#queue.size > 0) {
      const began = performance.now()
      for (const connection of this.#queue) {
        this.#queue.delete(connection)
        const [cursor] = connection.behind
        if (cursor) await this.#advance(cursor)
        if (connection.behind.size > 0) this.#queue.add(connection)
        if (performance.now() - began >= TURN_MS) break
      }
      await nextTurn()
    }
    this.#running = false
  }

  async #advance(cursor: Cursor): Promise<void> {
    const { connection, chat_id } = cursor
    connection.behind.delete(cursor)
    if (!isHere(cursor)) return
    try {
      if (connection.blocked) connection.flushed(() => this.add(cursor))
      else await this.#page(cursor)
    } catch (error) {
      connection.log.error({ err: error, chat_id }, 'the log cannot be read')
      connection.close(CLOSE.internal)
    }
  }

  /** Writes the next page, and goes live when it was the last one. */
  async #page(cursor: Cursor): Promise<void> {
    const { connection, room, chat_id, seq } = cursor
    // What the room was not told of yet, it will be told of; but it knows nothing of the time before its first cursor.
    cursor.headAtEntry ??= await this.#messages.head(chat_id)
    const until = Math.max(room.told, cursor.headAtEntry)
    const read = connection.v1 ? this.#messages.changes : this.#messages.created
    const { pageSize } = cursor
    const rows = seq < until ? await read(chat_id, seq, until, pageSize) : []
    // Meanwhile, the client may have gone, or resumed from elsewhere.
    if (!isHere(cursor)) return
    if (cursor.seq !== seq) return this.add(cursor)
    const { frames, taken } = cursor.render(rows, PAGE_BYTES)
    const complete = taken === rows.length && rows.length < pageSize
    // Of long messages, fewer fit: those that do not would be read for nothing.
    cursor.pageSize = taken < rows.length ? taken : Math.min(PAGE, pageSize * 2)
    const last = rows[taken - 1] as Message
    const reached = complete ? until : connection.v1 ? last.seq : last.id
    frames.push(...cursor.settle(reached))
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

/** Whether the socket still has this cursor. */
function isHere(cursor: Cursor): boolean {
  const { connection, chat_id } = cursor
  return connection.open && connection.cursors.get(chat_id) === cursor
}
