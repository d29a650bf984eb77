import { once } from 'node:events'
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../src/schemas/frame.ts'
import { wrongWith } from './frames.ts'
import type { Json, Reply } from './helper.ts'

/** How long a test waits for an expected event, in milliseconds. Long, because many tests share few cores. */
const PATIENCE_MS = 20_000

export interface SocketOptions {
  headers?: Record<string, string>
  cookie?: string
  protocol?: string
  /** Opens the stream to the server. The default is a TCP connection. */
  createConnection?: () => Duplex
  /** Gets the socket before anything can arrive. */
  watch?: (socket: TestSocket) => void
}

/**
 * A WebSocket client for tests. It queues the frames that arrive. Every frame is checked against the schemas of the
 * contract: after a frame that does not match, `check` and all methods that read frames throw.
 */
export class TestSocket {
  readonly ws: WebSocket
  /** Resolves when the socket is open. */
  readonly opened: Promise<void>
  /** Resolves with the reply to a refused upgrade. */
  readonly refusal: Promise<Reply<Json>>
  readonly #frames: Json[] = []
  #wrong: string | undefined
  #closeCode: number | undefined
  #wake: () => void = () => undefined

  constructor(url: string, path: string, options: SocketOptions = {}) {
    const { headers = {}, cookie = '', protocol, createConnection } = options
    const all = { ...headers, ...(cookie && { cookie }) }
    this.ws = new WebSocket(url.replace(/^http/, 'ws') + path, protocol ?? [], {
      headers: all,
      ...(createConnection && {
        createConnection: createConnection as NonNullable<ClientRequestArgs['createConnection']>
      })
    })
    this.ws.on('message', (data, isBinary) => {
      const frame = isBinary ? data : JSON.parse(data.toString())
      this.#wrong ??= wrongWith(frame, this.ws.protocol === SUBPROTOCOL)
      this.#frames.push(frame)
      this.#wake()
    })
    this.ws.on('close', code => {
      this.#closeCode = code
    })
    this.ws.on('error', () => undefined)
    options.watch?.(this)
    const refused = once(this.ws, 'unexpected-response')
    this.refusal = refused.then(([, response]) => readReply(response))
    this.opened = Promise.race([
      once(this.ws, 'open').then(() => undefined),
      this.refusal.then(({ status, body }) => {
        throw new Error(`upgrade refused with ${status}: ${JSON.stringify(body)}`)
      })
    ])
    refused.catch(() => undefined)
    this.refusal.catch(() => undefined)
    this.opened.catch(() => undefined)
  }

  /** Throws when a frame that has arrived does not match the contract. */
  check(): void {
    if (this.#wrong) throw new Error(this.#wrong)
  }

  /** Sends a frame: an object as JSON, text and bytes unchanged. */
  send(frame: object | string | Buffer): void {
    this.ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame))
  }

  /** Sends frames in one write. Their mask is zero, so it changes nothing (RFC 6455, section 5.3). */
  sendTogether(...frames: object[]): void {
    const pieces = frames.map(frame => {
      const payload = Buffer.from(JSON.stringify(frame))
      return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
    })
    Reflect.get(this.ws, '_socket').write(Buffer.concat(pieces))
  }

  /** Returns the next frame of this type, or of any. Drops the frames before it. Throws when none arrives in time. */
  async next(type?: string, patience = PATIENCE_MS): Promise<Json> {
    const deadline = performance.now() + patience
    for (;;) {
      this.check()
      for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) {
        if (type === undefined || frame.type === type) return frame
      }
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no ${type ?? 'frame'} arrived within ${patience} ms`)
      await this.#arrival(left)
    }
  }

  /** Resolves when a frame arrives or the time is up. */
  #arrival(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Returns all frames that have arrived, and those that arrive within `ms`. */
  async all(ms: number): Promise<Json[]> {
    await sleep(ms)
    this.check()
    return this.#frames.splice(0)
  }

  /** Throws when anything arrives within `ms`. */
  async silent(ms: number): Promise<void> {
    const frames = await this.all(ms)
    if (frames.length > 0) throw new Error(`not silent: ${JSON.stringify(frames)}`)
  }

  /** Waits until the socket is closed. Returns the close code. */
  async closed(patience = PATIENCE_MS): Promise<number> {
    if (this.#closeCode === undefined) await once(this.ws, 'close', { signal: AbortSignal.timeout(patience) })
    this.check()
    return this.#closeCode as number
  }

  /** Stops reading until `resume`. */
  pause(): void {
    this.ws.pause()
  }

  resume(): void {
    this.ws.resume()
  }

  close(): void {
    this.ws.close()
  }

  terminate(): void {
    this.ws.terminate()
  }
}

async function readReply(response: IncomingMessage): Promise<Reply<Json>> {
  let text = ''
  for await (const chunk of response) text += chunk
  const headers = new Headers(response.headers as Record<string, string>)
  return { status: response.statusCode ?? 0, headers, body: JSON.parse(text) }
}
