import type { Socket } from 'node:net'

/** A client that has taken nothing for this long, while much waited for it, is too slow. In milliseconds. */
const STALLED_MS = 30_000
/** Pings that may stay unanswered. */
const UNANSWERED = 2
/**
 * A client that reads at this speed is not too slow, in bytes a millisecond. How much it has read of what the system has
 * taken, nobody sees: the system's buffer (4 MiB at most on Linux, net.ipv4.tcp_wmem) takes more only when a third of it
 * is free, and answers to pings come when everything before them was read. So a client gets the time that it needs for
 * these bytes at this speed.
 */
const LEAST_SPEED = 8
const SYSTEM_BYTES = 4 * 1024 * 1024

/** What can be told of a peer: whether it is alive, and whether it takes what it is sent. */
export class Liveness {
  readonly #stream: Socket
  /** Bytes that the system had taken when this was last looked at and had changed, and the time of that. */
  #taken = 0
  #takenAt = performance.now()
  /** Until when a client that reads at the least speed may be busy with what the system has taken. */
  #busyUntil = this.#takenAt
  /** Pings since the last sign of life. */
  #silentPings = 0
  /** Pings that were not answered, and how much had been written before the last one. */
  #openPings = 0
  #pingedAt = 0

  constructor(stream: Socket) {
    this.#stream = stream
  }

  /** The peer has sent something. */
  heard(): void {
    this.#silentPings = 0
  }

  /** The peer answers a ping: it has read what was written before it. With several open, it is unknown which one. */
  answered(): void {
    if (this.#openPings === 1) {
      const unread = Math.max(0, this.#taken - this.#pingedAt)
      this.#busyUntil = Math.min(this.#busyUntil, performance.now() + unread / LEAST_SPEED)
    }
    this.#openPings = Math.max(0, this.#openPings - 1)
    this.#silentPings = 0
  }

  /** To be called every few seconds. Whether the peer has taken nothing for too long; `blocked`: much waits for it. */
  isStalled(now: number, blocked: boolean): boolean {
    const taken = takenBytes(this.#stream)
    if (taken === this.#taken && blocked) return now - Math.max(this.#takenAt, this.#busyUntil) >= STALLED_MS
    const busyUntil = Math.max(this.#busyUntil, now) + (taken - this.#taken) / LEAST_SPEED
    this.#busyUntil = Math.min(busyUntil, now + SYSTEM_BYTES / LEAST_SPEED)
    this.#taken = taken
    this.#takenAt = now
    return false
  }

  /** Whether the peer has been silent for too long to be alive. */
  isDead(now: number): boolean {
    return this.#silentPings >= UNANSWERED && now >= this.#busyUntil
  }

  /** To be called just before a ping is written. */
  pinging(): void {
    this.#silentPings++
    this.#openPings++
    this.#pingedAt = this.#stream.bytesWritten
  }
}

/**
 * What the system has taken of what was written. `bytesWritten` of a handle leaves out what Node still keeps, and counts
 * what libuv keeps; `writableLength` of a stream counts both. A stream without a handle gives all or nothing of a write.
 */
function takenBytes(stream: Socket & { _handle?: { bytesWritten: number; writeQueueSize: number } }): number {
  const { _handle: handle } = stream
  return handle ? handle.bytesWritten - handle.writeQueueSize : stream.bytesWritten - stream.writableLength
}
