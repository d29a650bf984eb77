import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'

/** First bytes: FIN and an opcode, and nothing else. RFC 6455, section 5.2. */
const TEXT = 0x81
const PING = 0x89
const PONG = 0x8a
/** In the second byte: the payload is masked, as a client's must be (section 5.1). */
const MASKED = 0x80
const KEY_BYTES = 4
/** The most bytes of a ping's or pong's payload (section 5.5). */
const CONTROL_BYTES = 125

const NOTHING = Buffer.alloc(0)

/** A frame in a buffer: where its payload begins and ends. */
interface Place {
  payload: number
  end: number
}

/**
 * Reads a client's frames in the place of ws, which keeps something of each socket's last message until the next: with
 * many sockets, that outlives the young generation and makes for long collections. Nearly all that clients send is
 * whole text frames. They are read here, and pings and pongs passed on to ws. From the first other frame on (fragments,
 * binary, too long, close, or against the protocol), ws reads the stream again.
 */
export class Intake {
  readonly #stream: Socket
  readonly #take: (text: string) => void
  readonly #most: number
  readonly #ws: (chunk: Buffer) => void
  /** The beginning of a frame whose end has not arrived, in a buffer with room for more, and how long it is. */
  #held: Buffer = NOTHING
  #heldBytes = 0

  /** `take` is given the payload of each whole text frame of up to `most` bytes. To be called before data flows. */
  constructor(stream: Socket, most: number, take: (text: string) => void) {
    this.#stream = stream
    this.#most = most
    this.#take = take
    const [listener] = stream.listeners('data') as [(chunk: Buffer) => void]
    this.#ws = listener
    stream.off('data', listener)
    stream.on('data', this.#read)
  }

  readonly #read = (chunk: Buffer): void => {
    const data = this.#heldBytes > 0 ? this.#append(chunk) : chunk
    for (let at = 0; at < data.length; ) {
      const place = placeOf(data, at)
      if (place && place.end - place.payload > this.#most) return this.#handOver(data.subarray(at))
      if (!place || place.end > data.length) return this.#hold(data, at)
      if (!this.#frame(data, at, place)) return this.#handOver(data.subarray(at))
      at = place.end
    }
    this.#held = NOTHING
    this.#heldBytes = 0
  }

  /** Adds what has arrived to what is held. The buffer doubles: a frame that comes byte by byte is not copied each time. */
  #append(chunk: Buffer): Buffer {
    const bytes = this.#heldBytes + chunk.length
    if (bytes > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(bytes * 2)
      this.#held.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    chunk.copy(this.#held, this.#heldBytes)
    return this.#held.subarray(0, bytes)
  }

  /** Holds what begins at `at`. It is copied, unless it is held already: a few bytes would keep all that was read with them. */
  #hold(data: Buffer, at: number): void {
    if (at > 0 || this.#heldBytes === 0) this.#held = Buffer.from(data.subarray(at))
    this.#heldBytes = data.length - at
  }

  /** Returns false when the frame is for ws. */
  #frame(data: Buffer, at: number, { payload, end }: Place): boolean {
    const first = data[at] as number
    if ((data[at + 1] as number) < MASKED) return false
    // A longer form of the length is against the protocol, and ws stops reading there.
    if ((first === PING || first === PONG) && (data[at + 1] as number) - MASKED <= CONTROL_BYTES) {
      this.#ws.call(this.#stream, data.subarray(at, end))
      return true
    }
    if (first !== TEXT) return false
    unmask(data, payload, end)
    const text = data.toString('utf8', payload, end)
    if (text.includes('\ufffd') && !isUtf8(data.subarray(payload, end))) {
      unmask(data, payload, end)
      return false
    }
    this.#take(text)
    return true
  }

  #handOver(rest: Buffer): void {
    this.#stream.off('data', this.#read)
    this.#stream.on('data', this.#ws)
    this.#ws.call(this.#stream, rest)
  }
}

/** The place of the frame that begins at `at`; undefined when not even its header is there. Section 5.2. */
function placeOf(data: Buffer, at: number): Place | undefined {
  if (data.length < at + 2) return undefined
  const second = data[at + 1] as number
  const short = second & 0x7f
  const key = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0)
  if (data.length < key) return undefined
  const length =
    short === 126 ? data.readUInt16BE(at + 2) : short === 127 ? Number(data.readBigUInt64BE(at + 2)) : short
  const payload = second < MASKED ? key : key + KEY_BYTES
  return { payload, end: payload + length }
}

/** Takes the mask off a payload, or puts it on. Section 5.3. */
function unmask(data: Buffer, payload: number, end: number): void {
  const key = payload - KEY_BYTES
  if (data.readUInt32LE(key) === 0) return
  for (let i = payload; i < end; i++) (data[i] as number) ^= data[key + ((i - payload) & 3)] as number
}
