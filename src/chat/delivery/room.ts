import { Presence } from '../ephemeral/presence.ts'
import { Markers } from '../ephemeral/read-markers.ts'
import { EphemeralState } from '../ephemeral/state.ts'
import { Typing } from '../ephemeral/typing.ts'
import type { Appended } from '../log.ts'
import { Tail } from './backlog.ts'
import type { Cursor } from './cursor.ts'
import { ackOf, Encoded, join } from './encoded-batch.ts'

/** Sockets that are served at once: less than a millisecond of short writes. */
const SLICE = 128
/** Sockets that are served between two looks at the clock. */
const LOOK_EVERY = 8
/** With a longer backlog than this, in bytes, a chat takes nothing new until its sockets have been served. */
const BACKLOG_BYTES = 64 * 1024

/** What a room needs of what is around it. */
export interface RoomHost {
  /** This cursor has to read from the log. */
  behind(cursor: Cursor): void
  /** The room has something for its sockets: `serve` is to be called until it returns true. */
  unserved(room: Room): void
  /** Too much is unsent to tell this socket anything ephemeral: `inform` is to be called when it is sent. */
  blocked(cursor: Cursor): void
  /** The cursors of a user in a chat. */
  cursorsOf(chat_id: number, user_id: number): Cursor[]
}

/** The sockets of one chat. It hands out what was committed; it never awaits and never reads the database. */
export class Room {
  readonly chat_id: number
  readonly cursors = new Set<Cursor>()
  readonly presence: Presence
  readonly typing: Typing
  /** The highest number that this room was told of. */
  told = 0
  readonly #host: RoomHost
  readonly #tail = new Tail()
  readonly #state = new EphemeralState()
  /** Sockets that are served before the others. */
  readonly #due = new Set<Cursor>()
  /** Who is still to be served in this round; none while everybody has everything. */
  #round: Iterator<Cursor> | undefined
  /** What the room was told of when the round began: when it ends, nobody at the head lacks any of it. */
  #until = 0
  /** The version of the ephemeral state when the round began. */
  #untilState = 0
  #markers: Markers | undefined

  constructor(chat_id: number, host: RoomHost) {
    this.chat_id = chat_id
    this.#host = host
    this.presence = new Presence(this)
    this.typing = new Typing(this)
  }

  get markers(): Markers {
    this.#markers ??= new Markers(this)
    return this.#markers
  }

  /** Whether so much is waiting for its sockets that the chat must take nothing new before. */
  get full(): boolean {
    return this.#tail.bytes > BACKLOG_BYTES
  }

  /** Lets a cursor in. It is behind until the log says that it is not. */
  add(cursor: Cursor): void {
    this.cursors.add(cursor)
    cursor.knownState = this.#state.version
    this.#host.behind(cursor)
    this.presence.enter(cursor)
  }

  /** Lets a cursor go, with everything that came before. */
  remove(cursor: Cursor): void {
    this.give(cursor)
    this.cursors.delete(cursor)
    this.#due.delete(cursor)
    this.presence.leave(cursor)
    const { id } = cursor.connection.caller.user
    if (this.cursors.size === 0) this.#stop()
    else if (!this.presence.has(id)) this.typing.end(id)
  }

  #stop(): void {
    this.presence.stop()
    this.typing.stop()
    this.#markers?.stop()
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
      if (fresh && message.seq === message.id) this.typing.end(message.sender.id)
    }
    if (this.#tail.empty && this.cursors.size <= SLICE) {
      this.#until = this.told = Math.max(this.told, encoded.last)
      for (const cursor of this.cursors) this.#hand(cursor, encoded, batch)
    } else this.#deliverInTurn(encoded, batch)
  }

  /** Tells everybody, in turn, the new state of a kind. `lasting`: those who enter later are told, too. */
  tellAll(kind: string, frame: Buffer, lasting = false): void {
    this.#state.set(kind, frame, lasting)
    this.#startRound()
  }

  /** Tells the sockets of one user, in turn, the new state of a kind. */
  tellUser(user_id: number, kind: string, frame: Buffer): void {
    for (const cursor of this.#host.cursorsOf(this.chat_id, user_id)) {
      cursor.pending ??= new Map()
      cursor.pending.set(kind, frame)
      this.tell(cursor)
    }
  }

  /** Tells a socket, in turn, what it was not told yet. */
  tell(cursor: Cursor): void {
    this.#due.add(cursor)
    this.#host.unserved(this)
  }

  /** Serves the next few sockets, until this time of the process. Returns whether everybody has everything. */
  serve(until: number): boolean {
    for (let served = 0; served < SLICE; served++) {
      if (served % LOOK_EVERY === LOOK_EVERY - 1 && performance.now() >= until) break
      const cursor = this.#next()
      if (!cursor) break
      this.give(cursor)
      this.inform(cursor)
    }
    return !this.#round && this.#due.size === 0
  }

  #next(): Cursor | undefined {
    for (const cursor of this.#due) {
      this.#due.delete(cursor)
      return cursor
    }
    while (this.#round) {
      const { value, done } = this.#round.next()
      if (!done) return value
      this.#endRound()
    }
    return undefined
  }

  /** Gives a socket at the head what it has not been given yet. */
  give(cursor: Cursor): void {
    if (!cursor.live || cursor.seq >= this.told) return
    const { connection, seq } = cursor
    const frames = this.#tail.after(seq, connection.v1)
    if (frames && connection.write(frames)) cursor.seq = this.told
    else this.fallBehind(cursor)
  }

  /** Tells a socket everything ephemeral that it was not told yet, now or when it has room for it. */
  inform(cursor: Cursor): void {
    const { connection, knownState, newcomer, pending } = cursor
    if (!connection.v1 || (knownState === this.#state.version && !newcomer && !pending)) return
    if (connection.blocked) return this.#host.blocked(cursor)
    const shared = this.#state.after(knownState, newcomer)
    cursor.knownState = this.#state.version
    cursor.newcomer = false
    cursor.pending = undefined
    connection.writeAnyway(pending ? join([shared, ...pending.values()]) : shared)
  }

  fallBehind(cursor: Cursor): void {
    cursor.live = false
    this.#host.behind(cursor)
  }

  #deliverInTurn(encoded: Encoded, batch: Appended[]): void {
    const senders = batch.map(({ origin }) => origin?.cursors.get(this.chat_id))
    for (const cursor of senders) if (cursor) this.give(cursor)
    this.told = Math.max(this.told, encoded.last)
    if (encoded.last > 0) this.#tail.push(encoded)
    for (const cursor of senders) if (cursor?.connection.sent) this.#hand(cursor, encoded, batch)
    if (encoded.last > 0) this.#startRound()
  }

  #startRound(): void {
    if (!this.#round) this.#beginRound()
    this.#host.unserved(this)
  }

  #beginRound(): void {
    this.#round = this.cursors.values()
    this.#until = this.told
    this.#untilState = this.#state.version
  }

  #endRound(): void {
    this.#tail.drop(this.#until)
    if (this.#until < this.told || this.#untilState < this.#state.version) this.#beginRound()
    else this.#round = undefined
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
