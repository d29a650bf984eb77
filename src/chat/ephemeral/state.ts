import { concatFrames } from '../socket/frame-encoder.ts'

/** Max frames per room. Beyond this, the oldest one that does not last is dropped, such as a read marker. */
const MAX_FRAMES = 1000

interface StateFrame {
  version: number
  frame: Buffer
  /** Whether sockets that enter later get the frame, too. */
  lasting: boolean
}

/**
 * The frames of a room besides messages: presence, typing, read markers, changed settings. Never stored. Cursors read it
 * as they read the log: each change has the next version, and a socket gets everything after the version that it knows.
 * Unlike the log, it keeps the latest frame of each kind only.
 */
export class EphemeralState {
  /** The version of the latest change. */
  version = 0
  /** By kind, the oldest change first. */
  readonly #frames = new Map<string, StateFrame>()
  /** The last result of `after`: sockets that know the same version share one buffer. */
  #cached: { known: number; newcomer: boolean; frames: Buffer } | undefined

  /** Replaces the frame of a kind. `lasting`: sockets that enter later get it, too. */
  set(kind: string, frame: Buffer, lasting: boolean): void {
    this.#frames.delete(kind)
    this.#frames.set(kind, { version: ++this.version, frame, lasting })
    this.#cached = undefined
    if (this.#frames.size > MAX_FRAMES) this.#dropOldest()
  }

  /** All frames after the version `known`, as one buffer. A newcomer also gets the lasting frames before it. */
  after(known: number, newcomer: boolean): Buffer {
    const cached = this.#cached
    if (cached && cached.known === known && cached.newcomer === newcomer) return cached.frames
    const missing: Buffer[] = []
    for (const { version, lasting, frame } of this.#frames.values()) {
      if (version > known || (newcomer && lasting)) missing.push(frame)
    }
    const frames = concatFrames(missing)
    this.#cached = { known, newcomer, frames }
    return frames
  }

  #dropOldest(): void {
    for (const [kind, { lasting }] of this.#frames) {
      if (lasting) continue
      this.#frames.delete(kind)
      return
    }
  }
}
