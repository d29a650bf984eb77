import { connect, type Socket } from 'node:net'
import { maskedFrame } from '../client.ts'

/** The read buffer of all sockets of the process. Its bytes are parsed before the next read. */
const BUFFER = Buffer.alloc(256 * 1024)
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const OPCODE = { close: 8, ping: 9 }
/** Offset of the type in a frame, after `{"type":"`. */
const TYPE_AT = 9

/** The server refused the upgrade with this HTTP status. */
export class Refused extends Error {
  readonly status: number
  constructor(status: number, text: string) {
    super(text)
    this.status = status
  }
}

export interface Listeners {
  /** Called with the type and the payload of each text frame. The payload is only valid during the call. */
  onFrame(type: string, payload: Buffer): void
  /** Called once with the close code. 1006 means that the connection broke. */
  onClose(code: number): void
}

/**
 * A `confab.v1` socket over raw TCP, so small that one process can hold thousands. It parses the type of each frame,
 * and listeners parse the rest.
 */
export class V1Socket {
  /** The `ready` frame. */
  ready = ''
  readonly #socket: Socket
  readonly #listeners: Listeners
  #opened: ((error?: Error) => void) | undefined
  #upgraded = false
  #rest: Buffer = Buffer.alloc(0)
  #code = 1006

  private constructor(port: number, listeners: Listeners, opened: (error?: Error) => void) {
    this.#listeners = listeners
    this.#opened = opened
    const callback = (length: number) => {
      const data = Buffer.concat([this.#rest, BUFFER.subarray(0, length)])
      if (this.#upgraded) this.#look(data)
      else this.#upgrade(data)
      return true
    }
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: BUFFER, callback } })
    // `close` always follows `error`. The first of both decides the error of `opened`.
    this.#socket.once('error', error => this.#done(error))
    this.#socket.once('close', () => {
      if (this.#opened) this.#done(new Error('the connection ended before `ready`'))
      else listeners.onClose(this.#code)
    })
  }

  /** Resolves when `ready` has arrived. Throws `Refused` when the server does not upgrade. */
  static open(port: number, query: string, cookie: string, listeners: Listeners): Promise<V1Socket> {
    return new Promise((resolve, reject) => {
      const opened = (error?: Error) => (error ? reject(error) : resolve(socket))
      const socket: V1Socket = new V1Socket(port, listeners, opened)
      socket.#socket.write(
        `GET /ws${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
          `Sec-WebSocket-Protocol: confab.v1\r\nCookie: ${cookie}\r\n\r\n`
      )
    })
  }

  /** Sends a text frame of at most 65,535 bytes. Objects are sent as JSON, texts unchanged. */
  send(frame: object | string): void {
    this.#socket.write(maskedFrame(Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame))))
  }

  #done(error?: Error): void {
    this.#opened?.(error)
    this.#opened = undefined
  }

  #upgrade(data: Buffer): void {
    const end = data.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#rest = data
      return
    }
    const head = data.toString('latin1', 0, end)
    const status = Number(head.split(' ')[1])
    this.#upgraded = status === 101
    if (this.#upgraded) return this.#look(data.subarray(end + 4))
    this.#done(new Refused(status, head))
    this.#socket.destroy()
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
      this.#take((data[at] as number) & 0x0f, data.subarray(at + header, at + header + length))
      at += header + length
    }
    this.#rest = at === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(at))
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.#socket.write(PONG)
    else if (opcode === OPCODE.close) {
      if (payload.length >= 2) this.#code = payload.readUInt16BE(0)
      this.#socket.destroy()
    } else {
      const type = payload.toString('latin1', TYPE_AT, payload.indexOf('"', TYPE_AT))
      this.#listeners.onFrame(type, payload)
      if (!this.#opened || type !== 'ready') return
      this.ready = payload.toString()
      this.#done()
    }
  }
}
