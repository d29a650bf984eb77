import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { WebSocket } from 'ws'
import type { Caller } from '../../auth/session.ts'
import { catalogue } from '../../errors.ts'
import type { FairTurns } from '../../fair-turns.ts'
import { type IncomingFrame, type OutgoingFrame, SUBPROTOCOL } from '../../schemas/frame.ts'
import { FRAME_BYTES } from '../../schemas/socket.ts'
import type { Cursor } from '../delivery/cursor.ts'
import { PING_FRAME } from './frame-encoder.ts'
import { Intake } from './frame-parser.ts'
import { encode, type FrameReader } from './frames.ts'
import { Liveness } from './liveness.ts'
import { TokenBucket } from './token-bucket.ts'

/** Why the server closes a socket: the close code of the contract and a reason for people (RFC 6455, section 7.4). */
export const CLOSE = {
  binary: [1003, 'text frames only'],
  flooding: [1008, 'flooding'],
  internal: [1011, 'internal error'],
  restart: [1012, 'restart'],
  sessionEnded: [4401, 'session ended'],
  removed: [4403, 'removed from the chat'],
  tooSlow: [4408, 'too slow']
} as const

/** A client that is refused more often than this a second, and this many times beyond, does not listen. */
const REFUSALS_RATE = 10
const REFUSALS_BURST = 100
/** Unsent bytes of a socket: above it the log keeps what the socket has not taken. */
const UNSENT = 256 * 1024
/** Unsent bytes of all sockets together; when there are many, each may have less, but never under the last. */
const UNSENT_OF_ALL = 256 * 1024 * 1024
const UNSENT_AT_LEAST = 32 * 1024
/** Unsent bytes above which no further page of the log is read for a socket, and ephemeral frames are dropped. */
const BLOCKED = 64 * 1024
/** Characters of a frame that may take milliseconds to parse, when it nests deeply or has thousands of keys. */
const LONG = 4096
const NOTHING = Buffer.alloc(0)

export interface ConnectionOptions {
  /** The TCP socket under `socket`, for frames that are already encoded. */
  stream: Socket
  caller: Caller
  /** The one chat that this socket is for; none when it carries all chats of the user. */
  chat_id: number | undefined
  /** What all sockets of the user may send together; none without limits. */
  bucket: TokenBucket | undefined
  log: FastifyBaseLogger
  /** Shares the event loop among the long frames of all sockets. */
  turns: FairTurns
  /** How many sockets share the memory for unsent bytes. */
  sockets(): number
  read: FrameReader
  act(connection: Connection, frame: IncomingFrame): void
  /** Called with every ping. */
  pinged(): void
  closed(): void
}

type Frame = Exclude<OutgoingFrame, { type: 'message' }>

/** One socket of one user, with a cursor for each of its chats. Nothing else touches it. */
export class Connection {
  readonly caller: Caller
  readonly chat_id: number | undefined
  /** Whether the client speaks the subprotocol. Otherwise it gets new messages and errors only. */
  readonly v1: boolean
  readonly log: FastifyBaseLogger
  /** By chat. */
  readonly cursors = new Map<number, Cursor>()
  /** Those that have to read from the log. */
  readonly behind = new Set<Cursor>()
  /** Set while a room hands out a batch of which some is from this socket, until the socket is served. */
  sent = false
  readonly #socket: WebSocket
  readonly #stream: Socket
  readonly #options: ConnectionOptions
  readonly #liveness: Liveness
  readonly #refusals = new TokenBucket(REFUSALS_RATE, REFUSALS_BURST)
  #deaf = false
  /** How many reasons there are to read nothing from the client. */
  #holds = 0
  /** Frames that have been received and wait for their turn. */
  #waiting = 0

  /** Attaches the listeners at once: a frame that came with the handshake would be lost otherwise. */
  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket
    this.#stream = options.stream
    this.#options = options
    this.caller = options.caller
    this.chat_id = options.chat_id
    this.log = options.log
    this.v1 = socket.protocol === SUBPROTOCOL
    new Intake(options.stream, FRAME_BYTES, text => this.#receive(text, false))
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data.toString(), isBinary))
    this.#liveness = new Liveness(options.stream)
    socket.on('ping', () => this.#liveness.heard())
    socket.on('pong', () => this.#liveness.answered())
    // What it had sent before is taken before.
    socket.on('close', () => (this.#waiting > 0 ? options.turns.run(this, options.closed) : options.closed()))
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  /** Whether so much is unsent that the log had better wait. */
  get blocked(): boolean {
    return this.#stream.writableLength > BLOCKED
  }

  /** Writes frames that are already encoded. Returns false, writing nothing, when too much is unsent already. */
  write(frames: Buffer): boolean {
    const unsent = this.#stream.writableLength
    if (unsent > 0 && unsent + frames.length > this.#limit()) return false
    this.writeAnyway(frames)
    return true
  }

  /** Writes frames that are already encoded, whatever is unsent; nothing once the socket is closing. */
  writeAnyway(frames: Buffer): void {
    if (frames.length > 0 && this.open) this.#stream.write(frames)
  }

  /** Encodes and writes a frame for this socket alone; a plain socket understands errors only. */
  tell(frame: Frame): void {
    if (this.v1 || frame.type === 'error') this.writeAnyway(encode(frame))
  }

  /** Tells the client that a frame of its was refused. */
  refuse({ code, detail, ...more }: Partial<Frame & { type: 'error' }> & { code: keyof typeof catalogue }): void {
    this.tell({ type: 'error', code, detail: detail ?? catalogue[code].message, ...more })
  }

  /** Calls back when everything written so far has left the process, or the socket is closed. */
  flushed(callback: () => void): void {
    this.#stream.write(NOTHING, () => callback())
  }

  /**
   * Called every few seconds, `now` in milliseconds of the process. Closes a socket that has taken nothing for long
   * while much waited. With `ping`, asks the peer for a sign of life, or ends a socket that has not given any.
   */
  visit(now: number, ping: boolean): void {
    if (this.#liveness.isStalled(now, this.blocked)) return this.close(CLOSE.tooSlow)
    if (!ping) return
    if (this.#liveness.isDead(now)) return this.terminate()
    this.#liveness.pinging()
    this.writeAnyway(PING_FRAME)
    this.#options.pinged()
  }

  /** Reads nothing from the client until the returned function is called. */
  hold(): () => void {
    if (this.#holds++ === 0) this.#socket.pause()
    return () => {
      if (--this.#holds === 0) this.#socket.resume()
    }
  }

  /** Takes no more frames from the client. */
  ignore(): void {
    this.#deaf = true
  }

  /** Closes the socket; what was committed before goes before. Nothing more is taken from the client. */
  close([code, reason]: (typeof CLOSE)[keyof typeof CLOSE]): void {
    this.#deaf = true
    for (const cursor of this.cursors.values()) cursor.room.give(cursor)
    this.#socket.close(code, reason)
  }

  /** Ends the socket without waiting for the peer. */
  terminate(): void {
    this.#socket.terminate()
  }

  #limit(): number {
    return Math.max(UNSENT_AT_LEAST, Math.min(UNSENT, UNSENT_OF_ALL / this.#options.sockets()))
  }

  /** Long frames take turns with those of other sockets; what came after them on this socket waits behind them. */
  #receive(text: string, isBinary: boolean): void {
    this.#liveness.heard()
    if (this.#waiting === 0 && text.length <= LONG) return this.#take(text, isBinary)
    this.#waiting++
    const release = this.hold()
    this.#options.turns.run(this, () => {
      this.#waiting--
      release()
      this.#take(text, isBinary)
    })
  }

  #take(text: string, isBinary: boolean): void {
    if (this.#deaf) return
    if (isBinary) return this.close(CLOSE.binary)
    const wait = this.#options.bucket?.take() ?? 0
    if (wait > 0) this.#slowDown(wait)
    else {
      const frame = this.#options.read(text)
      if ('code' in frame) this.refuse(frame)
      else this.#options.act(this, frame)
    }
    // A client that does not take its answers is not read until it has.
    if (this.blocked && this.#holds === 0) this.flushed(this.hold())
  }

  #slowDown(retry_after_ms: number): void {
    if (this.#refusals.take() > 0) {
      this.log.info({ user_id: this.caller.user.id }, 'socket closed for flooding')
      return this.close(CLOSE.flooding)
    }
    this.refuse({ code: 'RATE_LIMITED', retry_after_ms })
  }
}
