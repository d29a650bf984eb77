// One socket for all chats, with heartbeat and reconnects.

/** The close codes after which the page reconnects. */
const TEMPORARY = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4408])

export class Connection {
  /** Called with every frame of the current socket. */
  onFrame = () => undefined
  /** Called with `online`, `offline` (the page will reconnect), `logged out` or `given up` (the server refuses it). */
  onStatus = () => undefined
  #failures = 0
  #socket
  #attempt
  #bye
  #pings
  #unanswered

  /** `pong_ms` is the maximum time for the answer to a ping, `most_ms` the maximum time before a reconnect. */
  constructor(http, { pong_ms, most_ms }) {
    this.http = http
    this.pong_ms = pong_ms
    this.most_ms = most_ms
    http.onLoggedOut = () => this.#stop('logged out')
  }

  open() {
    clearTimeout(this.#attempt)
    this.#attempt = undefined
    this.#bye = undefined
    const socket = new WebSocket(`ws://${location.host}${this.http.base}/ws`, 'confab.v1')
    this.#socket = socket
    let ready = false
    socket.onmessage = ({ data }) => {
      // Ignore frames that still arrive on an old socket.
      if (socket !== this.#socket) return
      const frame = JSON.parse(data)
      if (frame.type === 'ready') {
        ready = true
        this.#failures = 0
        this.#pings = setInterval(() => this.#pingIfVisible(), frame.heartbeat_ms)
        this.onStatus('online')
      } else if (frame.type === 'pong') this.#unanswered = clearTimeout(this.#unanswered)
      else if (frame.type === 'bye') this.#bye = frame.after_ms
      // Any request prolongs the session.
      else if (frame.type === 'expiring') this.http.request('GET', '/auth/me').catch(() => undefined)
      this.onFrame(frame)
    }
    socket.onclose = ({ code }) => {
      if (socket === this.#socket) void this.#lost(code, ready)
    }
  }

  /** Sends a frame. Returns false if there is no open socket. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(JSON.stringify(frame))
    return true
  }

  /** Checks the connection, or reconnects at once. For a page that becomes visible, online, or is shown again. */
  wake() {
    if (this.#attempt !== undefined) this.open()
    else if (this.#socket !== undefined) this.#ping()
  }

  #pingIfVisible() {
    if (document.visibilityState === 'visible') this.#ping()
  }

  #ping() {
    if (this.#unanswered !== undefined || !this.send({ type: 'ping' })) return
    this.#unanswered = setTimeout(() => {
      // The `close` event of a dead connection can take minutes.
      this.#socket?.close()
      void this.#lost(1006, true)
    }, this.pong_ms)
  }

  /** Handles the loss of the socket. `ready` is whether it had received its `ready` frame. */
  async #lost(code, ready) {
    this.#forget()
    if (code === 4401) return this.#stop('logged out')
    if (!TEMPORARY.has(code)) return this.#stop('given up')
    this.onStatus('offline')
    const most = Math.min(this.most_ms, 500 * 2 ** ++this.#failures)
    this.#attempt = setTimeout(() => this.open(), this.#bye ?? 500 + Math.random() * (most - 500))
    // The browser hides the status of a refused upgrade. A 401 here stops the attempts.
    if (code === 1006 && !ready) await this.http.request('GET', '/auth/me').catch(() => undefined)
  }

  #stop(status) {
    clearTimeout(this.#attempt)
    this.#attempt = undefined
    const socket = this.#socket
    this.#forget()
    socket?.close()
    this.onStatus(status)
  }

  #forget() {
    this.#socket = undefined
    clearInterval(this.#pings)
    this.#unanswered = clearTimeout(this.#unanswered)
  }
}
