import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { WebSocket } from 'ws'
import type { Caller } from '../../auth/session.ts'
import type { FairTurns } from '../../fair-turns.ts'
import { type IncomingFrame, SUBPROTOCOL } from '../../schemas/frame.ts'
import { FRAME_BYTES } from '../../schemas/socket.ts'
import { CLOSE, type CloseReason } from './close-codes.ts'
import { EMPTY, PING_FRAME } from './frame-encoder.ts'
import { FrameParser } from './frame-parser.ts'
import { encode, errorFrame, type FrameDecoder, type Reply } from './frames.ts'
import { Liveness } from './liveness.ts'
import { TokenBucket } from './token-bucket.ts'

/** RATE_LIMITED errors that a socket may get each second, and in a burst. A client that causes more is disconnected. */
const RATE_LIMITED_RATE = 10
const RATE_LIMITED_BURST = 100
/** Max unsent bytes of a socket: beyond this, its cursors fall behind and catch up from the log later. */
const UNSENT_BYTES = 256 * 1024
/** Max unsent bytes of all sockets together. The limit of each socket shrinks with their number, down to a minimum. */
const UNSENT_BYTES_OF_ALL = 256 * 1024 * 1024
const MIN_UNSENT_BYTES = 32 * 1024
/** With more unsent bytes than this, a socket is blocked: it gets no next page of the log and no ephemeral frames. */
const BLOCKED_BYTES = 64 * 1024
/** A frame with more characters than this can take milliseconds to parse: deep nesting, or thousands of keys. */
const LONG_CHARACTERS = 4096

/** Sends a reply that an action has later, when the log has stored or refused its change. */
export type Respond = (reply: Reply) => void

/** Carries out a frame. Returns the replies that are ready at once, in their order. */
export type Act = (frame: IncomingFrame, respond: Respond) => Iterable<Reply> | undefined

export interface ConnectionOptions {
  /** The TCP socket under `socket`. Encoded frames are written to it directly. */
  stream: Socket
  caller: Readonly<Caller>
  /** The only chat of this socket; undefined when the socket carries all chats of the user. */
  chat_id: number | undefined
  /** The rate limit that all sockets of the user share; undefined without rate limits. */
  bucket: TokenBucket | undefined
  log: FastifyBaseLogger
  /** Shares the event loop among the long frames of all sockets. */
  turns: FairTurns
  /** The number of open sockets, which share the memory for unsent bytes. */
  openSockets(): number
  decode: FrameDecoder
  act: Act
  /** Called with every ping. */
  onPing(connection: Connection): void
  /** Called before the close frame is written: the last moment to write committed messages. */
  onClosing(connection: Connection): void
  /** Called once, after the socket has closed and its received frames were carried out. */
  onClosed(connection: Connection): void
}

/** One socket of one user. The only class that writes to the socket. */
export class Connection {
  readonly caller: Readonly<Caller>
  readonly chat_id: number | undefined
  /** Whether the client speaks the subprotocol. A plain socket gets new messages and errors only. */
  readonly v1: boolean
  readonly log: FastifyBaseLogger
  readonly #socket: WebSocket
  readonly #stream: Socket
  readonly #options: ConnectionOptions
  readonly #liveness: Liveness
  readonly #rateLimitErrors = new TokenBucket(RATE_LIMITED_RATE, RATE_LIMITED_BURST)
  readonly #respond: Respond = reply => this.send(reply)
  /** Whether frames of the client are dropped. */
  #ignoring = false
  /** The number of callers of `pauseReading` that have not resumed yet. */
  #pauses = 0
  /** Received frames that wait for their turn. */
  #waiting = 0

  /** Attaches the listeners at once: otherwise, a frame that arrives right after the handshake would be lost. */
  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket
    this.#stream = options.stream
    this.#options = options
    this.caller = options.caller
    this.chat_id = options.chat_id
    this.log = options.log
    this.v1 = socket.protocol === SUBPROTOCOL
    new FrameParser(options.stream, FRAME_BYTES, text => this.#receive(text, false))
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data.toString(), isBinary))
    this.#liveness = new Liveness(options.stream)
    socket.on('ping', () => this.#liveness.onData())
    socket.on('pong', () => this.#liveness.onPong())
    socket.on('close', () => this.#afterWaiting(() => options.onClosed(this)))
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  /** Whether so many bytes are unsent that the next page of the log and ephemeral frames must wait. */
  get blocked(): boolean {
    return this.#stream.writableLength > BLOCKED_BYTES
  }

  /** Writes encoded frames. Returns false and writes nothing when too many bytes are unsent. */
  write(frames: Buffer): boolean {
    const unsent = this.#stream.writableLength
    if (unsent > 0 && unsent + frames.length > this.#unsentLimit()) return false
    this.writeAnyway(frames)
    return true
  }

  /** Writes encoded frames, however many bytes are unsent. Writes nothing after the socket began to close. */
  writeAnyway(frames: Buffer): void {
    if (frames.length > 0 && this.open) this.#stream.write(frames)
  }

  /** Encodes and writes a frame for this socket alone. A plain socket gets errors only. */
  send(frame: Reply): void {
    if (this.v1 || frame.type === 'error') this.writeAnyway(encode(frame))
  }

  /** Calls back when everything written so far is flushed to the kernel, or when the socket is closed. */
  onFlushed(callback: () => void): void {
    this.#stream.write(EMPTY, () => callback())
  }

  /**
   * Called every few seconds; `now` is the monotonic time of the process in milliseconds. Closes a socket whose client
   * reads too slowly. With `ping`, also sends a ping, or terminates a socket whose peer is dead.
   */
  onHeartbeat(now: number, ping: boolean): void {
    if (this.#liveness.isStalled(now, this.blocked)) return this.close(CLOSE.tooSlow)
    if (!ping) return
    if (this.#liveness.isDead(now)) return this.terminate()
    this.#liveness.onPinging()
    this.writeAnyway(PING_FRAME)
    this.#options.onPing(this)
  }

  /** Stops reading from the client (back-pressure) until the returned function is called. */
  pauseReading(): () => void {
    if (this.#pauses++ === 0) this.#socket.pause()
    return () => {
      if (--this.#pauses === 0) this.#socket.resume()
    }
  }

  /** Drops all further frames of the client. */
  ignoreFrames(): void {
    this.#ignoring = true
  }

  /** Closes the socket after the messages that were committed before. Drops all further frames of the client. */
  close([code, reason]: CloseReason): void {
    this.#ignoring = true
    this.#options.onClosing(this)
    this.#socket.close(code, reason)
  }

  /** Ends the TCP connection without a closing handshake. */
  terminate(): void {
    this.#socket.terminate()
  }

  #unsentLimit(): number {
    return Math.max(MIN_UNSENT_BYTES, Math.min(UNSENT_BYTES, UNSENT_BYTES_OF_ALL / this.#options.openSockets()))
  }

  /** Long frames of all sockets take turns. Later frames of this socket wait behind its long frame. */
  #receive(text: string, isBinary: boolean): void {
    this.#liveness.onData()
    if (this.#waiting === 0 && text.length <= LONG_CHARACTERS) return this.#handle(text, isBinary)
    this.#waiting++
    const resume = this.pauseReading()
    this.#options.turns.run(this, () => {
      this.#waiting--
      resume()
      this.#handle(text, isBinary)
    })
  }

  /** Runs a job after the frames that wait for their turn; at once when none waits. */
  #afterWaiting(job: () => void): void {
    if (this.#waiting > 0) this.#options.turns.run(this, job)
    else job()
  }

  #handle(text: string, isBinary: boolean): void {
    if (this.#ignoring) return
    if (isBinary) return this.close(CLOSE.binary)
    const wait = this.#options.bucket?.spend() ?? 0
    if (wait > 0) this.#limitRate(wait)
    else this.#carryOut(text)
    // Back-pressure: a client that does not read its replies is not read either.
    if (this.blocked && this.#pauses === 0) this.onFlushed(this.pauseReading())
  }

  #carryOut(text: string): void {
    const frame = this.#options.decode(text)
    if ('code' in frame) return this.send(errorFrame(frame))
    const replies = this.#options.act(frame, this.#respond)
    if (replies) for (const reply of replies) this.send(reply)
  }

  #limitRate(retry_after_ms: number): void {
    if (this.#rateLimitErrors.spend() > 0) {
      this.log.info({ user_id: this.caller.user.id }, 'socket closed for flooding')
      return this.close(CLOSE.flooding)
    }
    this.send(errorFrame({ code: 'RATE_LIMITED', retry_after_ms }))
  }
}
