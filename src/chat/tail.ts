import { type Encoded, join } from './encoded.ts'

/** The end of a chat's log, encoded: what some socket at the head has not been given yet. It has no holes. */
export class Tail {
  #batches: Encoded[] = []
  /** What was asked for last, by whether it is for sockets that speak the subprotocol. */
  readonly #joined = new Map<boolean, { seq: number; bytes: Buffer }>()

  /** How long it is, in bytes. */
  get bytes(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.shared(true).length, 0)
  }

  /** Takes the next batch. One that does not follow takes the place of all: who lacks those has to read the log. */
  push(batch: Encoded): void {
    if (this.#batches.at(-1)?.last !== batch.first - 1) this.#batches = []
    this.#batches.push(batch)
    this.#joined.clear()
  }

  /** Everything after `seq` as one buffer, made once for all who ask in a row; undefined when it is not all here. */
  after(seq: number, v1: boolean): Buffer | undefined {
    const known = this.#joined.get(v1)
    if (known?.seq === seq) return known.bytes
    const from = this.#batches.findIndex(({ first }) => first === seq + 1)
    if (from < 0) return undefined
    const bytes = join(this.#batches.slice(from).map(batch => batch.shared(v1)))
    this.#joined.set(v1, { seq, bytes })
    return bytes
  }

  /** Lets go of everything up to `seq`. */
  drop(seq: number): void {
    this.#batches = this.#batches.filter(({ last }) => last > seq)
    this.#joined.clear()
  }
}
