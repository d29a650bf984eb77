import { connect, type Socket } from 'node:net'

/** The protocol of a server inside WebSocket frames. */
export type Dialect = 'plain' | 'socket.io'

/** Minimum payload of a message in bytes. Shorter payloads belong to the dialect. */
const MESSAGE_BYTES = 64
/** The read buffer of all sockets. Its bytes are counted or parsed before the next read. */
const BUFFER = Buffer.alloc(256 * 1024)

/** Returns a text frame (RFC 6455, section 5.2) of at most 65,535 bytes. The mask is zero, so it changes nothing. */
export function maskedFrame(payload: Buffer): Buffer {
  const length = payload.length
  const header = length < 126 ? Buffer.alloc(6) : Buffer.alloc(8)
  header[0] = 0x81
  if (length < 126) header[1] = 0x80 | length
  else {
    header[1] = 0x80 | 126
    header.writeUInt16BE(length, 2)
  }
  return Buffer.concat([header, payload])
}

/**
 * One WebSocket over a raw TCP socket. It counts bytes. Only observers parse frames (RFC 6455, section 5.2), and the
 * number of messages of all other sockets is computed from their bytes.
 */
export class RawClient {
  /** Bytes received since the upgrade. */
  bytes = 0
  /** Messages received. Only observers count them. */
  messages = 0
  /** Called with the payload of each message. Setting it makes this socket an observer. */
  observe: ((payload: Buffer) => void) | undefined
  readonly #socket: Socket
  readonly #dialect: Dialect
  #handshake: ((error?: Error) => void) | undefined
  #rest: Buffer = Buffer.alloc(0)

  private constructor(
    port: number,
    dialect: Dialect,
    localAddress: string | undefined,
    upgraded: (error?: Error) => void
  ) {
    this.#dialect = dialect
    this.#handshake = upgraded
    const callback = (length: number) => {
      this.#read(length)
      return true
    }
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      ...(localAddress && { localAddress }),
      noDelay: true,
      onread: { buffer: BUFFER, callback }
    })
    this.#socket.once('error', upgraded)
  }

  /** Resolves when the server has upgraded. Throws an Error with the reply when the server refuses. */
  static open(port: number, path: string, dialect: Dialect, cookie = '', from?: string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const client: RawClient = new RawClient(port, dialect, from, error => (error ? reject(error) : resolve(client)))
      client.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`
      )
    })
  }

  send(message: string): void {
    const json = `{"message":"${message}"}`
    this.#write(Buffer.from(this.#dialect === 'plain' ? json : `42["message",${json}]`))
  }

  #write(payload: Buffer): void {
    this.#socket.write(maskedFrame(payload))
  }

  #read(length: number): void {
    this.bytes += length
    if (this.#handshake) this.#upgrade(BUFFER.subarray(0, length))
    else if (this.observe) this.#look(Buffer.concat([this.#rest, BUFFER.subarray(0, length)]))
  }

  #upgrade(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end < 0) return
    const done = this.#handshake
    this.#handshake = undefined
    const text = this.#rest.toString('latin1', 0, end)
    this.#rest = Buffer.alloc(0)
    this.bytes = 0
    if (!text.startsWith('HTTP/1.1 101')) return done?.(new Error(text))
    if (this.#dialect === 'socket.io') this.#write(Buffer.from('40'))
    done?.()
  }

  #look(data: Buffer): void {
    let at = 0
    while (data.length - at >= 2) {
      const short = (data[at + 1] as number) & 0x7f
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length - at < header) break
      const length =
        short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2))
      if (data.length - at < header + length) break
      if (length >= MESSAGE_BYTES) {
        this.messages++
        this.observe?.(data.subarray(at + header, at + header + length))
      }
      at += header + length
    }
    this.#rest = Buffer.from(data.subarray(at))
  }
}
