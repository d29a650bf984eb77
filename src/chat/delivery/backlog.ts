import { concatFrames } from '../socket/frame-encoder.ts'
import type { EncodedBatch } from './encoded-batch.ts'

/** Committed batches of a room that some live socket has not been sent yet. Their `seq` have no gap. */
export class Backlog {
  #batches: EncodedBatch[] = []
  #bytes = 0
  /** The last result of `after` for v1 sockets and for plain ones. */
  readonly #cached = new Map<boolean, { seq: number; bytes: Buffer }>()

  /** Its length in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get empty(): boolean {
    return this.#batches.length === 0
  }

  /** Appends a batch. After a gap, the earlier batches are dropped: cursors that miss them catch up from the database. */
  push(batch: EncodedBatch): void {
    const follows = this.#batches.at(-1)?.last === batch.first - 1
    this.#replace(follows ? [...this.#batches, batch] : [batch])
  }

  /** Everything after `seq` as one buffer, which sockets with the same `seq` share; undefined when some is missing. */
  after(seq: number, v1: boolean): Buffer | undefined {
    const cached = this.#cached.get(v1)
    if (cached?.seq === seq) return cached.bytes
    const from = this.#batches.findIndex(({ first }) => first === seq + 1)
    if (from < 0) return undefined
    const bytes = concatFrames(this.#batches.slice(from).map(batch => batch.forAll(v1)))
    this.#cached.set(v1, { seq, bytes })
    return bytes
  }

  /** Drops everything up to `seq`. */
  drop(seq: number): void {
    this.#replace(this.#batches.filter(({ last }) => last > seq))
  }

  #replace(batches: EncodedBatch[]): void {
    this.#batches = batches
    this.#bytes = batches.reduce((sum, batch) => sum + batch.forAll(true).length, 0)
    this.#cached.clear()
  }
}
