import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Repositories } from '../../db/repositories.ts'
import type { Message } from '../../schemas/message.ts'
import { CLOSE } from '../socket/close-codes.ts'
import type { Connection } from '../socket/connection.ts'
import { encode } from '../socket/frames.ts'
import type { Cursor } from './cursor.ts'

/** Max messages of a page: they limit how long one read may block the event loop. */
const MAX_PAGE = 100
/** Max bytes of a page: a page of long messages ends early, since a slow socket reads a few of them at a time. */
const PAGE_BYTES = 64 * 1024
/** How long pages may be read in one turn of the event loop, in milliseconds. */
const TURN_MS = 4

/**
 * Replays the log for cursors that are behind, until they are at the head: after a handshake, after a `resume`, after the
 * socket was too slow, after a gap in the room's backlog. There is no other catch-up code. Sockets take turns, round-robin
 * with one page each; a blocked socket waits until its last page is flushed.
 */
export class CatchUp {
  readonly #messages: Repositories['messages']
  /** The cursors that are behind, by connection. No set is empty. */
  readonly #behind = new Map<Connection, Set<Cursor>>()
  /** The connections whose turn has not come yet. */
  readonly #queue = new Set<Connection>()
  #running = false

  constructor(messages: Repositories['messages']) {
    this.#messages = messages
  }

  add(cursor: Cursor): void {
    const { connection } = cursor
    const behind = this.#behind.get(connection)
    if (behind) behind.add(cursor)
    else this.#behind.set(connection, new Set([cursor]))
    this.#queue.add(connection)
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  /** A socket that has flushed its page at once is queued again before the turn ends; `TURN_MS` ends every round. */
  async #run(): Promise<void> {
    while (this.#queue.size > 0) {
      const began = performance.now()
      for (const connection of this.#queue) {
        this.#queue.delete(connection)
        const cursor = this.#next(connection)
        if (cursor) await this.#advance(cursor)
        if (this.#behind.has(connection)) this.#queue.add(connection)
        if (performance.now() - began >= TURN_MS) break
      }
      await nextTurn()
    }
    this.#running = false
  }

  /** Removes and returns the next cursor of a connection. */
  #next(connection: Connection): Cursor | undefined {
    const behind = this.#behind.get(connection)
    if (!behind) return undefined
    const [cursor] = behind
    behind.delete(cursor as Cursor)
    if (behind.size === 0) this.#behind.delete(connection)
    return cursor
  }

  async #advance(cursor: Cursor): Promise<void> {
    const { connection, chat_id } = cursor
    if (!isCurrent(cursor)) return
    try {
      if (connection.blocked) connection.onFlushed(() => this.add(cursor))
      else await this.#writePage(cursor)
    } catch (error) {
      connection.log.error({ err: error, chat_id }, 'the log cannot be read')
      connection.close(CLOSE.internal)
    }
  }

  /** Writes the next page. After the last page, the cursor is live. */
  async #writePage(cursor: Cursor): Promise<void> {
    const { connection, room, chat_id, seq } = cursor
    // A new room knows nothing of the time before its first cursor entered. Everything later reaches the room.
    cursor.headAtEntry ??= await this.#messages.head(chat_id)
    const until = Math.max(room.lastSeq, cursor.headAtEntry)
    const { pageSize } = cursor
    const page = seq < until ? await this.#readPage(cursor, seq, until) : []
    // During the read, the socket may have closed, or the client may have sent a `resume`.
    if (!isCurrent(cursor)) return
    if (cursor.seq !== seq) return this.add(cursor)
    const { frames, encoded } = cursor.encodePage(page, PAGE_BYTES)
    const complete = encoded === page.length && page.length < pageSize
    // The next page has as many messages as fit: rows that do not fit would be read for nothing.
    cursor.pageSize = encoded < page.length ? encoded : Math.min(MAX_PAGE, pageSize * 2)
    const last = page[encoded - 1] as Message
    const reached = complete ? until : connection.v1 ? last.seq : last.id
    frames.push(...cursor.flushAcks(reached))
    cursor.seq = reached
    if (complete && room.lastSeq <= reached) {
      cursor.live = true
      if (cursor.announceLive) frames.push(encode({ type: 'live', chat_id, seq: reached }))
      cursor.announceLive = false
    }
    connection.writeAnyway(Buffer.concat(frames))
    if (!cursor.live) connection.onFlushed(() => this.add(cursor))
  }

  /** Reads the changes with after < `seq` <= until; for a plain socket, the new messages only. */
  #readPage({ connection, chat_id, pageSize }: Cursor, after: number, until: number): Promise<Message[]> {
    if (connection.v1) return this.#messages.changes(chat_id, after, until, pageSize)
    return this.#messages.created(chat_id, after, until, pageSize)
  }
}

/** Whether the socket is open and still has this cursor. */
function isCurrent(cursor: Cursor): boolean {
  return cursor.connection.open && cursor.room.has(cursor)
}
