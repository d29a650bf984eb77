import { join } from '../delivery/encoded-batch.ts'

/** Read markers that are kept at most; older ones are in the list of members. */
const MARKERS = 1000

interface Entry {
  version: number
  frame: Buffer
  /** Whether sockets that enter later are told, too. */
  lasting: boolean
}

/**
 * What a room tells its sockets besides messages: who is online, who is typing, read markers, changed settings. Nothing
 * of it is stored. Like the log, it is read by cursors: each change takes the next version, and a socket is told what is
 * newer than the version that it knows. Unlike the log, only the latest state of each kind is kept.
 */
export class EphemeralState {
  /** The version of the latest change. */
  version = 0
  /** By kind, the oldest change first. */
  readonly #entries = new Map<string, Entry>()
  /** What was asked for last: sockets that know the same version share one buffer. */
  #joined: { known: number; newcomer: boolean; frames: Buffer } | undefined

  /** Replaces the state of a kind by this frame. `lasting`: sockets that enter later are told, too. */
  set(kind: string, frame: Buffer, lasting: boolean): void {
    this.#entries.delete(kind)
    this.#entries.set(kind, { version: ++this.version, frame, lasting })
    this.#joined = undefined
    if (this.#entries.size > MARKERS) this.#dropOldest()
  }

  /** Everything newer than the version `known`; for a newcomer, what lasts, too. */
  after(known: number, newcomer: boolean): Buffer {
    const joined = this.#joined
    if (joined && joined.known === known && joined.newcomer === newcomer) return joined.frames
    const due: Buffer[] = []
    for (const { version, lasting, frame } of this.#entries.values()) {
      if (version > known || (newcomer && lasting)) due.push(frame)
    }
    const frames = join(due)
    this.#joined = { known, newcomer, frames }
    return frames
  }

  #dropOldest(): void {
    for (const [kind, { lasting }] of this.#entries) {
      if (lasting) continue
      this.#entries.delete(kind)
      return
    }
  }
}
