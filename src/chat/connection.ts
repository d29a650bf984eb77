import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { WebSocket } from 'ws'
import type { Caller } from '../auth/session.ts'
import { catalogue, type ErrorCode } from '../errors.ts'
import { errorFrame, type IncomingFrame, type Refused } from './frames.ts'
import { TokenBucket } from './token-bucket.ts'

/** Why the server closes a socket: the close code of the contract and a reason for people (RFC 6455, section 7.4). */
export const CLOSE = {
  goingAway: [1001, 'going away'],
  binary: [1003, 'text frames only'],
  flooding: [1008, 'flooding'],
  restart: [1012, 'restart'],
  sessionEnded: [4401, 'session ended'],
  removed: [4403, 'removed from the chat']
} as const

/** Sends a second in the long run, and at once. */
const SEND_RATE = 100
const SEND_BURST = 300
/** A client that goes on after this many refusals in a row does not listen. */
const REFUSALS = 100

export interface ConnectionOptions {
  /** The TCP socket under `socket`, for frames that are already encoded. */
  stream: Socket
  caller: Caller
  /** The chat that this socket is for. */
  chat_id: number
  rateLimits: boolean
  log: FastifyBaseLogger
  read(text: string): IncomingFrame | Refused
  act(connection: Connection, frame: IncomingFrame): void
  closed(connection: Connection): void
}

/** One socket of one user. Nothing else touches it. */
export class Connection {
  readonly caller: Caller
  readonly chat_id: number
  readonly #socket: WebSocket
  readonly #options: ConnectionOptions
  readonly #bucket: TokenBucket | undefined
  #refusals = 0

  /** Attaches the listeners at once: a frame that came with the handshake would be lost otherwise. */
  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.caller = options.caller
    this.chat_id = options.chat_id
    this.#bucket = options.rateLimits ? new TokenBucket(SEND_RATE, SEND_BURST) : undefined
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary))
    socket.on('close', () => options.closed(this))
  }

  /** Writes frames that are already encoded; nothing once the socket is closing. */
  write(frames: Buffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#options.stream.write(frames)
  }

  /** Tells the client that a frame of its was refused. */
  refuse(code: ErrorCode, detail: string = catalogue[code].message, retry_after_ms?: number): void {
    this.write(errorFrame(retry_after_ms === undefined ? { code, detail } : { code, detail, retry_after_ms }))
  }

  close([code, reason]: (typeof CLOSE)[keyof typeof CLOSE]): void {
    this.#socket.close(code, reason)
  }

  /** Ends the socket without waiting for the peer. */
  terminate(): void {
    this.#socket.terminate()
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    if (isBinary) return this.close(CLOSE.binary)
    const wait = this.#bucket?.take() ?? 0
    if (wait > 0) return this.#slowDown(wait)
    this.#refusals = 0
    const frame = this.#options.read(data.toString())
    if ('code' in frame) this.refuse(frame.code, frame.detail)
    else this.#options.act(this, frame)
  }

  #slowDown(wait: number): void {
    if (++this.#refusals > REFUSALS) {
      this.#options.log.info({ user_id: this.caller.user.id }, 'socket closed for flooding')
      return this.close(CLOSE.flooding)
    }
    this.refuse('RATE_LIMITED', undefined, wait)
  }
}
