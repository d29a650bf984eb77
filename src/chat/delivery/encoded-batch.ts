import type { Appended } from '../log.ts'
import type { Connection } from '../socket/connection.ts'
import { ackFrame, messageFrame } from '../socket/frames.ts'

/** A committed batch of one chat, encoded once for everybody. */
export class Encoded {
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
export function join(frames: Buffer[]): Buffer {
  return frames.length > 1 ? Buffer.concat(frames) : (frames[0] ?? NOTHING)
}

function isNew({ message, fresh }: Appended): boolean {
  return fresh && message.seq === message.id
}

export function ackOf({ message, client_id, fresh }: Appended): Buffer {
  return ackFrame(message, client_id, !fresh)
}
