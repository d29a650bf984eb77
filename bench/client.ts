import { connect, type Socket } from 'node:net'

/** How a server wants to be spoken to beneath the WebSocket frames. */
export type Dialect = 'plain' | 'socket.io'

/** Shorter payloads are not messages but what belongs to the dialect. */
const MESSAGE_BYTES = 64

/**
 * One WebSocket over a raw TCP socket. Received frames are counted by hopping from header to header (RFC 6455,
 * section 5.2); only an observer's payloads are looked into. Sent frames are masked with zeros, which masks nothing.
 */
export class RawClient {
  received = 0
  /** Called with the payload of each message, when somebody wants to look. */
  observe: ((payload: Buffer) => void) | undefined
  readonly #socket: Socket
  readonly #dialect: Dialect
  #rest: Buffer | undefined
  #skip = 0

  private constructor(socket: Socket, dialect: Dialect) {
    this.#socket = socket
    this.#dialect = dialect
  }

  /** Resolves when the server has upgraded; throws with the reply when it refuses. */
  static open(port: number, path: string, dialect: Dialect, cookie = ''): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.setNoDelay()
      socket.once('error', reject)
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`
      )
      socket.once('data', data => {
        const end = data.indexOf('\r\n\r\n')
        if (!data.toString('latin1', 0, 12).endsWith(' 101')) return reject(new Error(data.toString()))
        const client = new RawClient(socket, dialect)
        socket.on('data', chunk => client.#read(chunk))
        if (dialect === 'socket.io') client.#write(Buffer.from('40'))
        if (end + 4 < data.length) client.#read(data.subarray(end + 4))
        resolve(client)
      })
    })
  }

  send(message: string): void {
    const json = `{"message":"${message}"}`
    this.#write(Buffer.from(this.#dialect === 'plain' ? json : `42["message",${json}]`))
  }

  close(): void {
    this.#socket.destroy()
  }

  #write(payload: Buffer): void {
    const length = payload.length
    const header = length < 126 ? Buffer.alloc(6) : Buffer.alloc(8)
    header[0] = 0x81
    if (length < 126) header[1] = 0x80 | length
    else {
      header[1] = 0x80 | 126
      header.writeUInt16BE(length, 2)
    }
    this.#socket.write(Buffer.concat([header, payload]))
  }

  #read(chunk: Buffer): void {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    this.#rest = undefined
    let at = this.#skip
    this.#skip = 0
    while (at < data.length) {
      const left = data.length - at
      const short = (data[at + 1] ?? 0) & 0x7f
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (left < header) break
      const length =
        short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2))
      // Whoever is not looked into need not wait for the rest of the payload.
      const look = this.observe !== undefined || length < MESSAGE_BYTES
      if (look && left < header + length) break
      if (length >= MESSAGE_BYTES) {
        this.received++
        this.observe?.(data.subarray(at + header, at + header + length))
      } else this.#control(data, at, header, length)
      at += header + length
    }
    if (at < data.length) this.#rest = data.subarray(at)
    else this.#skip = at - data.length
  }

  /** Answers pings: the protocol's, and Socket.IO's own "2" with "3". */
  #control(data: Buffer, at: number, header: number, length: number): void {
    if ((data[at] as number) === 0x89) this.#socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
    else if (this.#dialect === 'socket.io' && length === 1 && data[at + header] === 0x32) this.#write(Buffer.from('3'))
  }
}
