import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SUBPROTOCOL } from '../../src/schemas/frame.ts'
import type { Client } from '../helper.ts'

export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  fin?: boolean
  /** The three reserved bits: 4, 2 and 1. */
  rsv?: number
  masked?: boolean
  /** The length in the header, and the number of bytes for it. They can differ from the payload. */
  length?: number | bigint
  lengthBytes?: 0 | 2 | 8
}

/** Returns a frame of RFC 6455, section 5.2. The options can break the rules. */
export function frame(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): Buffer {
  const data = Buffer.from(payload as string)
  const { fin = true, rsv = 0, masked = true, length = data.length } = options
  const { lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8 } = options
  const extended = Buffer.alloc(lengthBytes)
  if (lengthBytes === 2) extended.writeUInt16BE(Number(length))
  if (lengthBytes === 8) extended.writeBigUInt64BE(BigInt(length))
  const short = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127
  const header = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, (masked ? 0x80 : 0) | short])
  if (!masked) return Buffer.concat([header, extended, data])
  const mask = randomBytes(4)
  const hidden = data.map((byte, i) => byte ^ (mask[i % 4] as number))
  return Buffer.concat([header, extended, mask, hidden])
}

/** Returns a message in fragments, one for each part. */
export function fragments(...parts: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part, i) => frame(i === 0 ? OP.text : OP.continuation, part, { fin: i === parts.length - 1 }))
  )
}

export function closeFrame(code: number, reason: string | Uint8Array = ''): Buffer {
  return frame(OP.close, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as string)]))
}

/** A connection after the handshake that sends bytes unchanged. */
export class RawSocket {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #ended = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', data => {
      this.#received = Buffer.concat([this.#received, data])
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#ended = true
    })
  }

  static async open(client: Client, path: string): Promise<RawSocket> {
    const { hostname, port, host } = new URL(client.server.url)
    const socket = connect(Number(port), hostname)
    const raw = new RawSocket(socket)
    client.server.t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    const key = randomBytes(16).toString('base64')
    const lines = [
      `GET ${path} HTTP/1.1`,
      `host: ${host}`,
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${key}`,
      `sec-websocket-protocol: ${SUBPROTOCOL}`,
      `cookie: ${client.cookie}`
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    for (let i = 0; i < 2000 && !raw.#headers(); i++) await sleep(2)
    if (!raw.#headers()?.startsWith('HTTP/1.1 101 ')) throw new Error(`not upgraded: ${raw.#headers()}`)
    return raw
  }

  /**
   * Returns the close code of the server (1005 for a close frame without a code, 1006 without a close frame), or `open`
   * when the server answers a `ping` instead.
   */
  async outcome(): Promise<number | 'open'> {
    if (this.socket.writable) this.socket.write(frame(OP.text, '{"type":"ping"}'))
    for (let i = 0; i < 1500; i++) {
      for (const { opcode, payload } of this.#frames()) {
        if (opcode === OP.close) return payload.length < 2 ? 1005 : payload.readUInt16BE()
        if (opcode === OP.text && payload.includes('"pong"')) return 'open'
      }
      if (this.#ended) return 1006
      await sleep(2)
    }
    throw new Error('neither closed nor answered')
  }

  #headers(): string | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    return end < 0 ? undefined : this.#received.toString('latin1', 0, end)
  }

  /** Parses the frames of the server so far, which are neither masked nor fragmented. */
  *#frames(): Generator<{ opcode: number; payload: Buffer }> {
    const bytes = this.#received
    for (let at = this.#received.indexOf('\r\n\r\n') + 4; at + 2 <= bytes.length; ) {
      const short = (bytes[at + 1] as number) & 127
      const start = at + (short < 126 ? 2 : 4)
      if (start > bytes.length) return
      const length = short < 126 ? short : bytes.readUInt16BE(at + 2)
      if (start + length > bytes.length) return
      yield { opcode: (bytes[at] as number) & 15, payload: bytes.subarray(start, start + length) }
      at = start + length
    }
  }
}
