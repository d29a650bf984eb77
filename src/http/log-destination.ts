import { writeSync } from 'node:fs'

/** Bytes of lines that wait for a destination that takes none; lines beyond that are dropped, and counted. */
const WAITING_BYTES = 256 * 1024
/** How often a destination that took nothing is tried again when there are no new lines, in milliseconds. */
const RETRY_MS = 500

/**
 * Where the lines of the log go: a file descriptor that may fail, because a disk is full (ENOSPC, EDQUOT) or broken
 * (EIO), a pipe has no reader (EPIPE) or a terminal is gone. The server goes on without its log, and lines wait, within
 * a bound, until they can be written. pino's own destination would wait in the event loop, for ever.
 */
export class LogDestination {
  readonly #fd: number
  readonly #format: (line: string) => string
  #waiting: Buffer[] = []
  #bytes = 0
  #dropped = 0
  #retry: NodeJS.Timeout | undefined

  /** `format` makes of a line in JSON what is written. */
  constructor(fd: number, format: (line: string) => string = line => line) {
    this.#fd = fd
    this.#format = format
  }

  /** Takes a line in JSON with its line break. Never throws. */
  write(line: string): void {
    const bytes = Buffer.from(this.#format(line))
    if (this.#bytes + bytes.length > WAITING_BYTES) this.#dropped++
    else this.#add(bytes)
    this.#flush()
  }

  #add(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
  }

  /** Writes the lines that wait. The written part of a line is not written again, so that lines stay whole. */
  #flush(): void {
    try {
      for (let [head] = this.#waiting; head; [head] = this.#waiting) {
        const written = writeSync(this.#fd, head)
        this.#bytes -= written
        if (written < head.length) this.#waiting[0] = head.subarray(written)
        else this.#waiting.shift()
      }
      if (this.#dropped > 0) this.#tellOfDropped()
    } catch {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined
        this.#flush()
      }, RETRY_MS).unref()
    }
  }

  #tellOfDropped(): void {
    const msg = `${this.#dropped} lines of the log could not be written and are lost`
    this.#dropped = 0
    this.write(`${JSON.stringify({ level: 40, time: Date.now(), pid: process.pid, msg })}\n`)
  }
}
