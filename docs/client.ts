import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

export type Message = { id: number; seq: number; sender: { id: number }; message?: string }
export type Options = { url: string; username: string; password: string; chat_id: number }

/** The close codes and HTTP statuses after which the client reconnects. */
const TEMPORARY = [1001, 1005, 1006, 1011, 1012, 1013, 4401, 4408, 401, 429, 500, 502, 503, 504]

/** A client for one chat. Whatever fails, it loses nothing, gets nothing twice, and keeps the order. */
export class Client {
  /** Called with each new message (also my own) and each change: the whole message in its current state. */
  onMessage: (message: Message) => void = () => undefined
  /** Called when the server was restored from a backup: `messages` is empty, and all messages arrive again. */
  onReset: () => void = () => undefined
  /** Called when the server refuses a text permanently. */
  onRefused: (code: string, text: string | undefined) => void = () => undefined
  /** The known messages of the chat, by `id`. */
  readonly messages = new Map<number, Message>()
  /** The texts that are not acked yet, by `client_id`, in order. Save it to survive a crash of the client. */
  readonly unacked = new Map<string, string>()
  readonly #options: Options
  readonly #stop = new AbortController()
  #socket: WebSocket | undefined
  #cookie = ''
  #me = { id: 0 }
  /** The `seq` of the latest frame; undefined before the first `ready`. Replies to HTTP requests do not move it. */
  #cursor: number | undefined
  /** The first id of the last page of history. Not the lowest id of all: a frame may bring a much older message. */
  #oldest: number | undefined
  /** The epoch of `messages` and the cursor. */
  #epoch: string | undefined
  #failures = 0
  #bye: number | undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** Queues a text. Each text waits for the ack of the previous one, so that a retry does not change the order. */
  send(text: string): void {
    this.unacked.set(randomUUID(), text)
    if (this.unacked.size === 1) this.#sendFirst()
  }

  /** Stays connected until `stop` is called. Throws when the server refuses this client permanently. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const code = (this.#cookie ? 0 : await this.#logIn()) || (await this.#connect())
      if (this.#stop.signal.aborted) return
      if (!TEMPORARY.includes(code)) throw new Error(`the server refuses this client: ${code}`)
      if (code === 4401 || code === 401) this.#cookie = ''
      const most = Math.min(20_000, 500 * 2 ** ++this.#failures)
      const wait = this.#bye ?? 500 + Math.random() * (most - 500)
      this.#bye = undefined
      await sleep(wait, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  /** Loads the latest page of history; each further call, the page before. Resolves with whether there are more. */
  async loadOlder(): Promise<boolean> {
    const { url, chat_id } = this.#options
    const oldest = this.#oldest === undefined ? '' : `&before=${this.#oldest}`
    const reply = await fetch(`${url}/chats/${chat_id}/messages?limit=50${oldest}`, {
      headers: { cookie: this.#cookie }
    })
    if (!reply.ok) throw new Error(`history: ${reply.status}`)
    const page = (await reply.json()) as { items: Message[]; has_more_before: boolean }
    for (const message of page.items) this.#keep(message)
    this.#oldest = page.items[0]?.id ?? this.#oldest
    return page.has_more_before
  }

  stop(): void {
    this.#stop.abort()
    this.#socket?.close()
  }

  /** Gets the cookie. Resolves with 0, or with the HTTP status of the refusal. */
  async #logIn(): Promise<number> {
    const { url, username, password } = this.#options
    const body = JSON.stringify({ username, password })
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`${url}/auth/login`, { method: 'POST', headers, body }).catch(() => undefined)
    if (reply?.status === 401) throw new Error('the username or the password is wrong')
    if (!reply?.ok) return reply?.status ?? 1006
    this.#cookie = String(reply.headers.getSetCookie()[0]).replace(/;.*/, '')
    return 0
  }

  /** Opens a socket at the cursor. Resolves with its close code, or with the HTTP status of the refusal. */
  #connect(): Promise<number> {
    const { url, chat_id } = this.#options
    const after = this.#cursor === undefined ? '' : `&after=${this.#cursor}`
    const address = `${url.replace(/^http/, 'ws')}/ws?chat_id=${chat_id}${after}`
    const socket = new WebSocket(address, 'confab.v1', { headers: { cookie: this.#cookie } })
    this.#socket = socket
    // The server pings every 25 s. After twice this time without a ping or a frame, the connection is dead.
    const silence = setTimeout(() => socket.terminate(), 50_000)
    socket.on('ping', () => silence.refresh())
    socket.on('message', data => {
      silence.refresh()
      // Ignore frames that still arrive on an old socket.
      if (socket === this.#socket) this.#receive(JSON.parse(String(data)))
    })
    return new Promise(resolve => {
      socket.on('error', () => undefined)
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode as number)
        socket.terminate()
      })
      socket.on('close', code => {
        clearTimeout(silence)
        resolve(code)
      })
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: /asyncapi.json describes each frame
  #receive(frame: any): void {
    const text = this.unacked.get(frame.client_id)
    if (frame.type === 'ready') {
      this.#failures = 0
      this.#me = frame.user
      if (this.#epoch !== undefined && this.#epoch !== frame.epoch) this.#startOver()
      this.#epoch = frame.epoch
      this.#cursor ??= frame.chats[0].seq
      this.#sendFirst()
    } else if (frame.type === 'message') {
      this.#apply(frame)
    } else if (frame.type === 'live') {
      this.#cursor = frame.seq
    } else if (frame.type === 'ack' && this.unacked.delete(frame.client_id)) {
      // The ack replaces the `message` frame, unless it is a duplicate: that message has its own `message` frame.
      if (!frame.duplicate) this.#apply({ id: frame.id, seq: frame.seq, sender: this.#me, message: text as string })
      this.#sendFirst()
    } else if (frame.type === 'error' && frame.retry_after_ms !== undefined) {
      setTimeout(() => this.#sendFirst(), frame.retry_after_ms)
    } else if (frame.type === 'error') {
      this.unacked.delete(frame.client_id)
      this.onRefused(frame.code, text)
      this.#sendFirst()
    } else if (frame.type === 'bye') {
      this.#bye = frame.after_ms
    }
  }

  /** Handles a message from a frame: it moves the cursor. */
  #apply(message: Message): void {
    this.#cursor = message.seq
    this.#keep(message)
  }

  /** Keeps the higher `seq`: a page of history can be older than a frame that arrived before it. */
  #keep(message: Message): void {
    if ((this.messages.get(message.id)?.seq ?? 0) >= message.seq) return
    this.messages.set(message.id, message)
    this.onMessage(message)
  }

  /** Discards everything: the cursor means nothing in another history. The next socket replays from the beginning. */
  #startOver(): void {
    this.messages.clear()
    this.#oldest = undefined
    this.#cursor = 0
    this.onReset()
    this.#socket?.terminate()
    this.#socket = undefined
  }

  #sendFirst(): void {
    const [first] = this.unacked
    if (!first || this.#socket?.readyState !== WebSocket.OPEN) return
    this.#socket.send(JSON.stringify({ type: 'send', client_id: first[0], message: first[1] }))
  }
}
