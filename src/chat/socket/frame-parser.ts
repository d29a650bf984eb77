import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import { EMPTY } from './frame-encoder.ts'

/** First bytes: FIN and an opcode, no reserved bits. RFC 6455, section 5.2. */
const TEXT = 0x81
const PING = 0x89
const PONG = 0x8a
/** The mask bit in the second byte. Clients must mask their payload (section 5.1). */
const MASKED = 0x80
const MASKING_KEY_BYTES = 4
/** Max payload bytes of a ping or pong (section 5.5). */
const CONTROL_BYTES = 125

/** Where the payload of a frame begins and ends in a buffer. */
interface PayloadBounds {
  start: number
  end: number
}

/**
 * Parses the frames of a client in place of ws. The receiver of ws keeps parts of the last message of each socket until
 * the next one: with many sockets these parts outlive the young generation, and garbage collections become long. Nearly
 * all frames of clients are whole text frames: these are parsed here, and pings and pongs are passed to ws. At the first
 * other frame (a fragment, a binary frame, a close frame, a frame that is too long or against the protocol), the parser
 * detaches, and ws reads the stream from there on.
 */
export class FrameParser {
  readonly #stream: Socket
  readonly #onText: (text: string) => void
  readonly #maxBytes: number
  /** The `data` listener of ws. */
  readonly #ws: (chunk: Buffer) => void
  /** An incomplete frame, in a buffer that may have space left, and the length of the frame so far. */
  #partial: Buffer = EMPTY
  #partialBytes = 0

  /** `onText` gets the payload of each whole text frame of up to `maxBytes` bytes. Call this before data flows. */
  constructor(stream: Socket, maxBytes: number, onText: (text: string) => void) {
    this.#stream = stream
    this.#maxBytes = maxBytes
    this.#onText = onText
    const [listener] = stream.listeners('data') as [(chunk: Buffer) => void]
    this.#ws = listener
    stream.off('data', listener)
    stream.on('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    const data = this.#partialBytes > 0 ? this.#append(chunk) : chunk
    for (let at = 0; at < data.length; ) {
      const payload = boundsOf(data, at)
      if (payload && payload.end - payload.start > this.#maxBytes) return this.#detach(data.subarray(at))
      if (!payload || payload.end > data.length) return this.#storePartial(data, at)
      if (!this.#parseFrame(data, at, payload)) return this.#detach(data.subarray(at))
      at = payload.end
    }
    this.#partial = EMPTY
    this.#partialBytes = 0
  }

  /** Appends a chunk to the incomplete frame. The buffer doubles, so that single bytes do not cost a copy each. */
  #append(chunk: Buffer): Buffer {
    const bytes = this.#partialBytes + chunk.length
    if (bytes > this.#partial.length) {
      const larger = Buffer.allocUnsafeSlow(bytes * 2)
      this.#partial.copy(larger, 0, 0, this.#partialBytes)
      this.#partial = larger
    }
    chunk.copy(this.#partial, this.#partialBytes)
    return this.#partial.subarray(0, bytes)
  }

  /** Stores the incomplete frame at `at`. It is copied once, so that a few bytes do not keep the whole chunk alive. */
  #storePartial(data: Buffer, at: number): void {
    if (at > 0 || this.#partialBytes === 0) this.#partial = Buffer.from(data.subarray(at))
    this.#partialBytes = data.length - at
  }

  /** Returns false when ws must parse the frame. */
  #parseFrame(data: Buffer, at: number, { start, end }: PayloadBounds): boolean {
    const first = data[at] as number
    if ((data[at + 1] as number) < MASKED) return false
    // A control frame with a longer form of the length breaks the protocol: ws closes the socket.
    if ((first === PING || first === PONG) && (data[at + 1] as number) - MASKED <= CONTROL_BYTES) {
      this.#ws.call(this.#stream, data.subarray(at, end))
      return true
    }
    if (first !== TEXT) return false
    applyMask(data, start, end)
    const text = data.toString('utf8', start, end)
    // Invalid UTF-8 decodes to U+FFFD. Then ws gets the frame as it was, and closes the socket.
    if (text.includes('\ufffd') && !isUtf8(data.subarray(start, end))) {
      applyMask(data, start, end)
      return false
    }
    this.#onText(text)
    return true
  }

  /** Gives the stream back to ws, with the bytes that are not parsed yet. */
  #detach(rest: Buffer): void {
    this.#stream.off('data', this.#onData)
    this.#stream.on('data', this.#ws)
    this.#ws.call(this.#stream, rest)
  }
}

/** The payload of the frame that begins at `at`; undefined when the header is incomplete. RFC 6455, section 5.2. */
function boundsOf(data: Buffer, at: number): PayloadBounds | undefined {
  if (data.length < at + 2) return undefined
  const second = data[at + 1] as number
  const short = second & 0x7f
  const key = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0)
  if (data.length < key) return undefined
  const length =
    short === 126 ? data.readUInt16BE(at + 2) : short === 127 ? Number(data.readBigUInt64BE(at + 2)) : short
  const start = second < MASKED ? key : key + MASKING_KEY_BYTES
  return { start, end: start + length }
}

/** Masks or unmasks a payload in place: both are the same XOR (RFC 6455, section 5.3). */
function applyMask(data: Buffer, start: number, end: number): void {
  const key = start - MASKING_KEY_BYTES
  if (data.readUInt32LE(key) === 0) return
  for (let i = start; i < end; i++) (data[i] as number) ^= data[key + ((i - start) & 3)] as number
}
