import type { Cursor } from './cursor.ts'
import { ackOf, Encoded } from './encoded.ts'
import type { Appended } from './log.ts'
import { Presence } from './presence.ts'
import { Tail } from './tail.ts'
import { Typing } from './typing.ts'

/** Sockets that are served at once: less than a millisecond of writes. */
const SLICE = 128
/** A tail longer than this is given to everybody at once, which holds the log up. In bytes. */
const TAIL_BYTES = 64 * 1024

/** The sockets of one chat. It hands out what was committed; it never awaits and never reads the database. */
export class Room {
  readonly chat_id: number
  readonly cursors = new Set<Cursor>()
  readonly presence: Presence
  readonly typing: Typing
  /** The highest number that this room was told of. */
  told = 0
  readonly #behind: (cursor: Cursor) => void
  readonly #unserved: (room: Room) => void
  readonly #tail = new Tail()
  /** Who is still to be served in this round; none while everybody has everything. */
  #round: Iterator<Cursor> | undefined
  /** What the room was told of when the round began: when it ends, nobody at the head lacks any of it. */
  #until = 0

  /**
   * `behind` is called with each cursor that has to read from the log; `unserved` with the room when it has more
   * sockets than it serves at once: `serve` is then to be called until it returns true.
   */
  constructor(chat_id: number, behind: (cursor: Cursor) => void, unserved: (room: Room) => void) {
    this.chat_id = chat_id
    this.#behind = behind
    this.#unserved = unserved
    this.presence = new Presence(this)
    this.typing = new Typing(this)
  }

  /** Lets a cursor in. It is behind until the log says that it is not. */
  add(cursor: Cursor): void {
    this.cursors.add(cursor)
    this.#behind(cursor)
    this.presence.enter(cursor)
  }

  /** Lets a cursor go, with everything that came before. */
  remove(cursor: Cursor): void {
    this.give(cursor)
    this.cursors.delete(cursor)
    this.presence.leave(cursor)
    if (this.cursors.size === 0) this.typing.stop()
    else if (!this.presence.has(cursor.connection.caller.user.id)) this.typing.done(cursor.connection.caller.user.id)
  }

  /**
   * Gives a committed batch to every socket at the head: the same bytes for all who sent none of it. A socket that has
   * too much unsent, or has not seen what came before, reads it from the log later. In a large room those who sent some
   * of it are served at once, the others in turn; each is given all that is new in one write when its turn comes.
   */
  deliver(batch: Appended[]): void {
    const encoded = new Encoded(batch)
    for (const { message, fresh, origin } of batch) {
      if (origin) origin.sent = true
      if (fresh && message.seq === message.id) this.typing.done(message.sender.id)
    }
    if (!this.#round && this.cursors.size <= SLICE) {
      this.told = Math.max(this.told, encoded.last)
      for (const cursor of this.cursors) this.#hand(cursor, encoded, batch)
    } else this.#deliverInTurn(encoded, batch)
  }

  /** Serves the next few sockets. Returns whether everybody has everything. */
  serve(): boolean {
    for (let served = 0; this.#round && served < SLICE; served++) {
      const { value, done } = this.#round.next()
      if (done) this.#endRound()
      else this.give(value)
    }
    return !this.#round
  }

  /** Gives a socket at the head what it has not been given yet. */
  give(cursor: Cursor): void {
    if (!cursor.live || cursor.seq >= this.told) return
    const { connection, seq } = cursor
    const frames = this.#tail.after(seq, connection.v1)
    if (frames && connection.write(frames)) cursor.seq = this.told
    else this.fallBehind(cursor)
  }

  /** Sends an ephemeral frame to whoever understands it and can take it, after what came before; others lose it. */
  announce(frame: Buffer): void {
    this.#serveAll()
    for (const { connection } of this.cursors) if (connection.v1) connection.writeIfIdle(frame)
  }

  fallBehind(cursor: Cursor): void {
    cursor.live = false
    this.#behind(cursor)
  }

  #deliverInTurn(encoded: Encoded, batch: Appended[]): void {
    const senders = batch.map(({ origin }) => origin?.cursors.get(this.chat_id))
    for (const cursor of senders) if (cursor) this.give(cursor)
    this.told = Math.max(this.told, encoded.last)
    if (encoded.last > 0) this.#keep(encoded)
    for (const cursor of senders) if (cursor?.connection.sent) this.#hand(cursor, encoded, batch)
    if (this.#tail.bytes > TAIL_BYTES) this.#serveAll()
  }

  #keep(encoded: Encoded): void {
    this.#tail.push(encoded)
    if (this.#round) return
    this.#beginRound()
    this.#unserved(this)
  }

  #beginRound(): void {
    this.#round = this.cursors.values()
    this.#until = this.told
  }

  #endRound(): void {
    this.#tail.drop(this.#until)
    if (this.#until < this.told) this.#beginRound()
    else this.#round = undefined
  }

  #serveAll(): void {
    if (!this.#round) return
    for (const cursor of this.cursors) this.give(cursor)
    this.#until = this.told
    this.#endRound()
  }

  #hand(cursor: Cursor, encoded: Encoded, batch: Appended[]): void {
    const { connection } = cursor
    const { sent } = connection
    connection.sent = false
    if (cursor.live && this.#take(cursor, encoded, sent)) return
    if (sent) for (const entry of batch) if (entry.origin === connection) this.#owe(cursor, entry)
    if (cursor.live) this.fallBehind(cursor)
  }

  #take(cursor: Cursor, encoded: Encoded, sent: boolean): boolean {
    const { connection } = cursor
    if (encoded.last > 0 && cursor.seq !== encoded.first - 1) return false
    if (!connection.write(sent ? encoded.withoutOwn(connection) : encoded.shared(connection.v1))) return false
    if (encoded.last > 0) cursor.seq = encoded.last
    return true
  }

  #owe(cursor: Cursor, entry: Appended): void {
    const ack = cursor.connection.v1 ? ackOf(entry) : undefined
    cursor.owe({ at: entry.message.id, ack, fresh: entry.fresh })
  }
}
