import { writeSync } from 'node:fs'

/** Maximum size of the buffer for lines that cannot be written, in bytes. Further lines are dropped and counted. */
const BUFFER_BYTES = 256 * 1024
/** Time between two attempts to write when there are no new lines, in milliseconds. */
const RETRY_MS = 500

/**
 * Writes log lines to a file descriptor that can fail: a disk is full (ENOSPC, EDQUOT) or broken (EIO), a pipe has no
 * reader (EPIPE), a terminal is gone. The server then goes on, and a bounded buffer keeps the lines until a retry
 * succeeds. pino's own destination would block the event loop without a limit.
 */
export class LogDestination {
  readonly #fd: number
  readonly #format: (line: string) => string
  #waiting: Buffer[] = []
  #bytes = 0
  #dropped = 0
  #retry: NodeJS.Timeout | undefined

  /** `format` converts a JSON line to the text to write. */
  constructor(fd: number, format: (line: string) => string = line => line) {
    this.#fd = fd
    this.#format = format
  }

  /** Writes a JSON line, which ends with a line break. Never throws. */
  write(line: string): void {
    const bytes = Buffer.from(this.#format(line))
    if (this.#bytes + bytes.length > BUFFER_BYTES) this.#dropped++
    else this.#add(bytes)
    this.#flush()
  }

  #add(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
  }

  /** Writes the buffered lines. The written part of a line is not written again, so that lines stay whole. */
  #flush(): void {
    try {
      for (let [head] = this.#waiting; head; [head] = this.#waiting) {
        const written = writeSync(this.#fd, head)
        this.#bytes -= written
        if (written < head.length) this.#waiting[0] = head.subarray(written)
        else this.#waiting.shift()
      }
      if (this.#dropped > 0) this.#reportDropped()
    } catch {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined
        this.#flush()
      }, RETRY_MS).unref()
    }
  }

  #reportDropped(): void {
    const msg = `${this.#dropped} log lines could not be written and were dropped`
    this.#dropped = 0
    this.write(`${JSON.stringify({ level: 40, time: Date.now(), pid: process.pid, msg })}\n`)
  }
}
