import { type Encoded, join } from './encoded-batch.ts'

/** The end of a chat's log, encoded: what some socket at the head has not been given yet. It has no holes. */
export class Tail {
  #batches: Encoded[] = []
  #bytes = 0
  /** What was asked for last, by whether it is for sockets that speak the subprotocol. */
  readonly #joined = new Map<boolean, { seq: number; bytes: Buffer }>()

  /** How long it is, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get empty(): boolean {
    return this.#batches.length === 0
  }

  /** Takes the next batch. After a gap, all earlier batches are dropped: sockets that lack them read the log. */
  push(batch: Encoded): void {
    const follows = this.#batches.at(-1)?.last === batch.first - 1
    this.#keep(follows ? [...this.#batches, batch] : [batch])
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

  /** Drops everything up to `seq`. */
  drop(seq: number): void {
    this.#keep(this.#batches.filter(({ last }) => last > seq))
  }

  #keep(batches: Encoded[]): void {
    this.#batches = batches
    this.#bytes = batches.reduce((sum, batch) => sum + batch.shared(true).length, 0)
    this.#joined.clear()
  }
}
