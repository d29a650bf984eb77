import { concatFrames, EMPTY } from '../socket/frame-encoder.ts'
import { ackFrame, messageFrame } from '../socket/frames.ts'
import type { Committed } from './committed.ts'

/** A committed batch of one chat, encoded once for all sockets. */
export class EncodedBatch {
  /** The `seq` of the first and the last change; both 0 when nothing changed. */
  readonly first: number = 0
  readonly last: number = 0
  readonly #batch: Committed[]
  readonly #forV1: FrameBuffer
  #forPlain: FrameBuffer | undefined

  constructor(batch: Committed[]) {
    const frames = new Array<Buffer>(batch.length)
    for (let i = 0; i < batch.length; i++) {
      const { message, changed } = batch[i] as Committed
      frames[i] = changed ? messageFrame(message) : EMPTY
      if (!changed) continue
      if (this.first === 0) this.first = message.seq
      this.last = message.seq
    }
    this.#batch = batch
    this.#forV1 = new FrameBuffer(frames)
  }

  /** All changes as one buffer; for plain sockets, all new messages. */
  forAll(v1: boolean): Buffer {
    return this.#framesFor(v1).bytes
  }

  /** The same for a socket that sent some of the batch: its own messages are replaced by acks, or omitted when plain. */
  forSender(sender: object, v1: boolean): Buffer {
    const frames = this.#framesFor(v1)
    const pieces: Buffer[] = []
    let from = 0
    for (let i = 0; i < this.#batch.length; i++) {
      const change = this.#batch[i] as Committed
      if (change.origin !== sender) continue
      if (i > from) pieces.push(frames.slice(from, i))
      if (v1) pieces.push(ackOf(change))
      from = i + 1
    }
    if (from < this.#batch.length) pieces.push(frames.slice(from, this.#batch.length))
    return concatFrames(pieces)
  }

  /** Plain sockets share the buffer of the others, unless the batch has changes that plain sockets do not get. */
  #framesFor(v1: boolean): FrameBuffer {
    if (v1) return this.#forV1
    this.#forPlain ??= this.#batch.every(isNewMessage)
      ? this.#forV1
      : new FrameBuffer(this.#batch.map((change, i) => (isNewMessage(change) ? this.#forV1.slice(i, i + 1) : EMPTY)))
    return this.#forPlain
  }
}

/** Concatenated frames, and where each of them ends. */
class FrameBuffer {
  readonly bytes: Buffer
  readonly #frames: Buffer[]
  #ends: number[] | undefined

  constructor(frames: Buffer[]) {
    this.bytes = concatFrames(frames)
    this.#frames = frames
  }

  /** The bytes of the frames with the indexes `from` (inclusive) to `to` (exclusive). */
  slice(from: number, to: number): Buffer {
    this.#ends ??= this.#endsOfFrames()
    return this.bytes.subarray(from === 0 ? 0 : this.#ends[from - 1], this.#ends[to - 1])
  }

  #endsOfFrames(): number[] {
    let end = 0
    return this.#frames.map(({ length }) => {
      end += length
      return end
    })
  }
}

/** Whether a change is a message that did not exist before; otherwise it is a changed message or a repeated send. */
export function isNewMessage({ message, changed }: Committed): boolean {
  return changed && message.seq === message.id
}

/** Encodes the ack of a send. */
export function ackOf({ message, client_id, changed }: Committed): Buffer {
  return ackFrame(message, client_id, !changed)
}
