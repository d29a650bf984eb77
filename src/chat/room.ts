import type { Connection } from './connection.ts'
import type { Cursor } from './cursor.ts'
import { ackFrame, messageFrame } from './frames.ts'
import type { Appended } from './log.ts'
import { Presence } from './presence.ts'
import { Typing } from './typing.ts'

/** A committed batch of one chat, encoded once for everybody. */
class Encoded {
  /** The numbers of the first and the last change; both 0 when nothing changed. */
  readonly first: number = 0
  readonly last: number = 0
  readonly #batch: Appended[]
  readonly #forV1: Strip
  #forPlain: Strip | undefined

  constructor(batch: Appended[]) {
    const frames = new Array<Buffer>(batch.length)
    for (let i = 0; i < batch.length; i++) {
      const { message, fresh } = batch[i] as Appended
      frames[i] = fresh ? messageFrame(message) : NOTHING
      if (!fresh) continue
      if (this.first === 0) this.first = message.seq
      this.last = message.seq
    }
    this.#batch = batch
    this.#forV1 = new Strip(frames)
  }

  /** Every change, or for plain sockets every new message, as one buffer. */
  shared(v1: boolean): Buffer {
    return this.#strip(v1).whole
  }

  /** The same for a socket that sent some of it: acks, or for plain sockets nothing, in the place of its own. */
  withoutOwn(sender: Connection): Buffer {
    const strip = this.#strip(sender.v1)
    const pieces: Buffer[] = []
    let from = 0
    for (let i = 0; i < this.#batch.length; i++) {
      const entry = this.#batch[i] as Appended
      if (entry.origin !== sender) continue
      if (i > from) pieces.push(strip.slice(from, i))
      if (sender.v1) pieces.push(ackOf(entry))
      from = i + 1
    }
    if (from < this.#batch.length) pieces.push(strip.slice(from, this.#batch.length))
    return join(pieces)
  }

  /** Plain sockets share the bytes of the others, unless something in the batch is not for them. */
  #strip(v1: boolean): Strip {
    if (v1) return this.#forV1
    this.#forPlain ??= this.#batch.every(isNew)
      ? this.#forV1
      : new Strip(this.#batch.map((entry, i) => (isNew(entry) ? this.#forV1.slice(i, i + 1) : NOTHING)))
    return this.#forPlain
  }
}

/** Frames in a row in one buffer. */
class Strip {
  readonly whole: Buffer
  readonly #frames: Buffer[]
  #ends: number[] | undefined

  constructor(frames: Buffer[]) {
    this.whole = join(frames)
    this.#frames = frames
  }

  /** The bytes of the frames from `from` up to, not with, `to`. */
  slice(from: number, to: number): Buffer {
    this.#ends ??= this.#endsOfFrames()
    return this.whole.subarray(from === 0 ? 0 : this.#ends[from - 1], this.#ends[to - 1])
  }

  #endsOfFrames(): number[] {
    let end = 0
    return this.#frames.map(({ length }) => {
      end += length
      return end
    })
  }
}

const NOTHING = Buffer.alloc(0)

/** The frames in one buffer; a copy only when there are several. */
function join(frames: Buffer[]): Buffer {
  return frames.length > 1 ? Buffer.concat(frames) : (frames[0] ?? NOTHING)
}

function isNew({ message, fresh }: Appended): boolean {
  return fresh && message.seq === message.id
}

function ackOf({ message, client_id, fresh }: Appended): Buffer {
  return ackFrame(message, client_id, !fresh)
}

/** The sockets of one chat. It hands out what was committed; it never awaits and never reads the database. */
export class Room {
  readonly chat_id: number
  readonly cursors = new Set<Cursor>()
  readonly presence: Presence
  readonly typing: Typing
  /** The highest number that this room was told of. */
  told = 0
  readonly #behind: (cursor: Cursor) => void

  /** `behind` is called with each cursor that has to read from the log. */
  constructor(chat_id: number, behind: (cursor: Cursor) => void) {
    this.chat_id = chat_id
    this.#behind = behind
    this.presence = new Presence(this)
    this.typing = new Typing(this)
  }

  /** Lets a cursor in. It is behind until the log says that it is not. */
  add(cursor: Cursor): void {
    this.cursors.add(cursor)
    this.#behind(cursor)
    this.presence.enter(cursor)
  }

  remove(cursor: Cursor): void {
    this.cursors.delete(cursor)
    this.presence.leave(cursor)
    if (this.cursors.size === 0) this.typing.stop()
    else if (!this.presence.has(cursor.connection.caller.user.id)) this.typing.done(cursor.connection.caller.user.id)
  }

  /**
   * Gives a committed batch to every socket at the head: one buffer and one write for each, the same bytes for all who
   * sent none of it. A socket that has too much unsent, or has not seen what came before, reads it from the log later.
   */
  deliver(batch: Appended[]): void {
    const encoded = new Encoded(batch)
    this.told = Math.max(this.told, encoded.last)
    for (const { message, fresh, origin } of batch) {
      if (origin) origin.sent = true
      if (fresh && message.seq === message.id) this.typing.done(message.sender.id)
    }
    for (const cursor of this.cursors) {
      const { connection } = cursor
      const { sent } = connection
      connection.sent = false
      if (cursor.live && this.#take(cursor, encoded, sent)) continue
      if (sent) for (const entry of batch) if (entry.origin === connection) this.#owe(cursor, entry)
      if (cursor.live) this.fallBehind(cursor)
    }
  }

  /** Sends an ephemeral frame to whoever understands it and can take it; it is lost for the others. */
  announce(frame: Buffer): void {
    for (const { connection } of this.cursors) if (connection.v1) connection.writeIfIdle(frame)
  }

  fallBehind(cursor: Cursor): void {
    cursor.live = false
    this.#behind(cursor)
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
