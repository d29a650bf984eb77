import type { Audience } from '../ephemeral/audience.ts'
import { Presence } from '../ephemeral/presence.ts'
import { ReadMarkers } from '../ephemeral/read-markers.ts'
import { EphemeralState } from '../ephemeral/state.ts'
import { Typing } from '../ephemeral/typing.ts'
import { concatFrames } from '../socket/frame-encoder.ts'
import { Backlog } from './backlog.ts'
import type { Committed } from './committed.ts'
import type { Cursor } from './cursor.ts'
import { EncodedBatch, isNewMessage } from './encoded-batch.ts'
import type { ScheduledRoom } from './scheduler.ts'

/** Max sockets of a slice. A room with more sockets delivers in slices. Short writes to this many take less than 1 ms. */
const SLICE = 128
/** The clock is read once per this many sockets. */
const CLOCK_EVERY = 8
/** With a longer backlog than this, in bytes, the log delays the changes of the chat until the room has delivered it. */
const BACKLOG_BYTES = 64 * 1024

/** The registry of rooms, as a room sees it. */
export interface RoomHost {
  /** The cursor must catch up from the log. */
  onBehind(cursor: Cursor): void
  /** The room has pending deliveries: call `deliverSlice` until it returns true. */
  onPending(room: Room): void
  /** The socket is blocked: call `sendState` when it has flushed. */
  onBlocked(cursor: Cursor): void
  /** The cursors of a user in a chat. */
  cursorsOf(chat_id: number, user_id: number): Cursor[]
}

/** The sockets of one chat. Delivers committed batches to them; never awaits, and never reads the database. */
export class Room implements Audience<Cursor>, ScheduledRoom {
  readonly chat_id: number
  /** By connection. */
  readonly cursors = new Map<object, Cursor>()
  readonly presence: Presence<Cursor>
  readonly typing: Typing
  /** The highest `seq` that the room has received. */
  lastSeq = 0
  readonly #host: RoomHost
  readonly #backlog = new Backlog()
  readonly #state = new EphemeralState()
  /** Cursors that are served before those of the round. */
  readonly #priority = new Set<Cursor>()
  /** The cursors that this round still has to serve; undefined when nothing is pending. */
  #round: Iterator<Cursor> | undefined
  /** `lastSeq` when the round began: after the round, every live cursor has everything up to it. */
  #roundSeq = 0
  /** The version of the ephemeral state when the round began. */
  #roundState = 0
  #readMarkers: ReadMarkers | undefined

  constructor(chat_id: number, host: RoomHost) {
    this.chat_id = chat_id
    this.#host = host
    this.presence = new Presence(this)
    this.typing = new Typing(this)
  }

  get readMarkers(): ReadMarkers {
    this.#readMarkers ??= new ReadMarkers(this)
    return this.#readMarkers
  }

  /** Whether the backlog is so long that the log must delay the changes of this chat. */
  get full(): boolean {
    return this.#backlog.bytes > BACKLOG_BYTES
  }

  has(cursor: Cursor): boolean {
    return this.cursors.get(cursor.connection) === cursor
  }

  /** Adds a cursor. It counts as behind until it has caught up. */
  add(cursor: Cursor): void {
    const { connection } = cursor
    this.cursors.set(connection, cursor)
    cursor.stateVersion = this.#state.version
    this.#host.onBehind(cursor)
    this.presence.enter(connection.caller.user.id, cursor)
  }

  /** Removes a cursor, after writing everything that was committed before. */
  remove(cursor: Cursor): void {
    const { connection } = cursor
    this.cursors.delete(connection)
    this.flush(cursor)
    this.#priority.delete(cursor)
    const { id } = connection.caller.user
    this.presence.leave(id, cursor)
    if (this.cursors.size === 0) this.#stop()
    else if (!this.presence.has(id)) this.typing.end(id)
  }

  #stop(): void {
    this.presence.stop()
    this.typing.stop()
    this.#readMarkers?.stop()
  }

  /**
   * Delivers a committed batch to every live cursor: the same bytes for all sockets that sent none of it. A socket with
   * too many unsent bytes, or with a gap before the batch, falls behind. A large room serves the senders at once and the
   * other sockets in slices; each of them gets everything that is new in one write.
   */
  deliver(batch: Committed[]): void {
    const encoded = new EncodedBatch(batch)
    for (const change of batch) {
      const sender = change.origin && this.cursors.get(change.origin)
      if (sender) sender.isSender = true
      if (isNewMessage(change)) this.typing.end(change.message.sender.id)
    }
    if (this.#backlog.empty && this.cursors.size <= SLICE) {
      this.#roundSeq = this.lastSeq = Math.max(this.lastSeq, encoded.last)
      for (const cursor of this.cursors.values()) this.#deliverTo(cursor, encoded, batch)
    } else this.#deliverInSlices(encoded, batch)
  }

  updateAll(kind: string, frame: Buffer, lasting = false): void {
    this.#state.set(kind, frame, lasting)
    this.#startRound()
  }

  updateUser(user_id: number, kind: string, frame: Buffer): void {
    for (const cursor of this.#host.cursorsOf(this.chat_id, user_id)) {
      cursor.ownState ??= new Map()
      cursor.ownState.set(kind, frame)
      this.#prioritize(cursor)
    }
  }

  updateNewcomer(cursor: Cursor): void {
    this.#prioritize(cursor)
  }

  #prioritize(cursor: Cursor): void {
    this.#priority.add(cursor)
    this.#host.onPending(this)
  }

  deliverSlice(until: number): boolean {
    for (let served = 0; served < SLICE; served++) {
      if (served % CLOCK_EVERY === CLOCK_EVERY - 1 && performance.now() >= until) break
      const cursor = this.#next()
      if (!cursor) break
      this.flush(cursor)
      this.sendState(cursor)
    }
    return !this.#round && this.#priority.size === 0
  }

  #next(): Cursor | undefined {
    for (const cursor of this.#priority) {
      this.#priority.delete(cursor)
      return cursor
    }
    while (this.#round) {
      const { value, done } = this.#round.next()
      if (!done) return value
      this.#endRound()
    }
    return undefined
  }

  /** Writes the part of the backlog that a live cursor has not been sent yet. */
  flush(cursor: Cursor): void {
    if (!cursor.live || cursor.seq >= this.lastSeq) return
    const { connection, seq } = cursor
    const frames = this.#backlog.after(seq, connection.v1)
    if (frames && connection.write(frames)) cursor.seq = this.lastSeq
    else this.fallBehind(cursor)
  }

  /** Writes the ephemeral state that the socket does not know. A blocked socket gets it when it has flushed. */
  sendState(cursor: Cursor): void {
    const { connection, stateVersion, newcomer, ownState } = cursor
    if (!connection.v1 || (stateVersion === this.#state.version && !newcomer && !ownState)) return
    if (connection.blocked) return this.#host.onBlocked(cursor)
    const shared = this.#state.after(stateVersion, newcomer)
    cursor.stateVersion = this.#state.version
    cursor.newcomer = false
    cursor.ownState = undefined
    connection.writeAnyway(ownState ? concatFrames([shared, ...ownState.values()]) : shared)
  }

  /** Lets a cursor catch up from the log. Until then, the room does not write to it. */
  fallBehind(cursor: Cursor): void {
    cursor.live = false
    this.#host.onBehind(cursor)
  }

  /** The senders get the batch at once, the other sockets in the next round. */
  #deliverInSlices(encoded: EncodedBatch, batch: Committed[]): void {
    const senders = batch.map(({ origin }) => origin && this.cursors.get(origin))
    for (const cursor of senders) if (cursor) this.flush(cursor)
    this.lastSeq = Math.max(this.lastSeq, encoded.last)
    if (encoded.last > 0) this.#backlog.push(encoded)
    for (const cursor of senders) if (cursor?.isSender) this.#deliverTo(cursor, encoded, batch)
    if (encoded.last > 0) this.#startRound()
  }

  #startRound(): void {
    if (!this.#round) this.#beginRound()
    this.#host.onPending(this)
  }

  #beginRound(): void {
    this.#round = this.cursors.values()
    this.#roundSeq = this.lastSeq
    this.#roundState = this.#state.version
  }

  /** Drops what every live cursor has. Begins the next round when something new has come during this one. */
  #endRound(): void {
    this.#backlog.drop(this.#roundSeq)
    if (this.#roundSeq < this.lastSeq || this.#roundState < this.#state.version) this.#beginRound()
    else this.#round = undefined
  }

  #deliverTo(cursor: Cursor, encoded: EncodedBatch, batch: Committed[]): void {
    if (!cursor.write(encoded, batch) && cursor.live) this.fallBehind(cursor)
  }
}
