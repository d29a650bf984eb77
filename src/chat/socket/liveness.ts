import type { Socket } from 'node:net'

/** A client is too slow when it has read nothing for this long while its socket was blocked. In milliseconds. */
const STALLED_MS = 30_000
/** Pings that may stay without any sign of life. */
const UNANSWERED_PINGS = 2
/**
 * A client that reads at this speed is not too slow, in bytes per millisecond.
 *
 * The kernel does not report how much of its send buffer (4 MiB at most on Linux, net.ipv4.tcp_wmem) the client has
 * read: it accepts more only when a third of the buffer is free, and a pong arrives only after everything before its
 * ping was read. So a client gets the time that it needs for the accepted bytes at this speed.
 */
const MIN_SPEED = 8
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024

/** Decides whether the peer of a socket is alive, and whether it reads what was written. Times are monotonic. */
export class Liveness {
  readonly #stream: Socket
  /** Bytes flushed to the kernel at the last check that saw progress, and the time of that check. */
  #flushed = 0
  #flushedAt = performance.now()
  /** Until when a client at the minimum speed may be busy with the bytes in the kernel. */
  #busyUntil = this.#flushedAt
  /** Pings since the last sign of life. */
  #silentPings = 0
  /** Pings without a pong, and the bytes written before the last of them. */
  #openPings = 0
  #writtenBeforePing = 0

  constructor(stream: Socket) {
    this.#stream = stream
  }

  /** Called with everything that the peer sends. */
  onData(): void {
    this.#silentPings = 0
  }

  /**
   * Called with each pong: the peer has read everything before the ping. When several pings are open, it is unknown
   * which of them the pong answers.
   */
  onPong(): void {
    if (this.#openPings === 1) {
      const unread = Math.max(0, this.#flushed - this.#writtenBeforePing)
      this.#busyUntil = Math.min(this.#busyUntil, performance.now() + unread / MIN_SPEED)
    }
    this.#openPings = Math.max(0, this.#openPings - 1)
    this.#silentPings = 0
  }

  /** Whether the peer has read nothing for too long. Call it every few seconds; `blocked`: much is unsent. */
  isStalled(now: number, blocked: boolean): boolean {
    const flushed = flushedBytes(this.#stream)
    if (flushed === this.#flushed && blocked) return now - Math.max(this.#flushedAt, this.#busyUntil) >= STALLED_MS
    const busyUntil = Math.max(this.#busyUntil, now) + (flushed - this.#flushed) / MIN_SPEED
    this.#busyUntil = Math.min(busyUntil, now + KERNEL_BUFFER_BYTES / MIN_SPEED)
    this.#flushed = flushed
    this.#flushedAt = now
    return false
  }

  /** Whether the peer has been silent for too long to be alive. */
  isDead(now: number): boolean {
    return this.#silentPings >= UNANSWERED_PINGS && now >= this.#busyUntil
  }

  /** Call it just before a ping is written. */
  onPinging(): void {
    this.#silentPings++
    this.#openPings++
    this.#writtenBeforePing = this.#stream.bytesWritten
  }
}

/**
 * Written bytes that the kernel has accepted. A handle's `bytesWritten` leaves out what Node buffers and includes what
 * libuv queues, which `writeQueueSize` counts; a stream's `writableLength` counts both. A stream without a handle is
 * exact to whole writes only.
 */
function flushedBytes(stream: Socket & { _handle?: { bytesWritten: number; writeQueueSize: number } }): number {
  const { _handle: handle } = stream
  return handle ? handle.bytesWritten - handle.writeQueueSize : stream.bytesWritten - stream.writableLength
}
