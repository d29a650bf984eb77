// Handles the frames of the server and the actions of people. The rules are in docs/protocol.md.

import { Chat } from './chat.js'
import { Connection } from './connection.js'
import { Http } from './http.js'

export class Client {
  /** Called when visible state has changed: with the chat, if it is the state of one chat. */
  onChange = () => undefined
  status = 'offline'
  me
  epoch
  chats = new Map()
  /** Counts the events that move a chat to the top of the list. */
  #clock = 0

  /** `rules` selects wrong rules, so that a test can show their effect. */
  constructor({ base, rules, ...times }) {
    this.rules = rules
    this.http = new Http(base)
    this.connection = new Connection(this.http, times)
    this.connection.onFrame = frame => this.#receive(frame)
    this.connection.onStatus = status => {
      this.status = status
      if (status !== 'online') for (const chat of this.chats.values()) Object.assign(chat, { typing: [], online: [] })
      this.onChange()
    }
  }

  async logIn(username, password) {
    await this.http.request('POST', '/auth/login', { username, password })
    this.connection.open()
  }

  /** The chats, latest activity first. */
  list() {
    return [...this.chats.values()].sort((a, b) => b.moved - a.moved)
  }

  /** Shows the text at once. Sends it now, or after the next reconnect. */
  send(chat, message) {
    const entry = { client_id: crypto.randomUUID(), message, after: chat.cursor }
    chat.outbox.push(entry)
    if (chat.first === entry) this.#sendFirst(chat)
    this.onChange(chat)
  }

  typing(chat) {
    if (Date.now() - (chat.typed_at ?? 0) < 3000) return
    chat.typed_at = Date.now()
    this.connection.send({ type: 'typing', chat_id: chat.id })
  }

  read(chat) {
    const id = chat.readAll()
    if (id !== undefined) this.connection.send({ type: 'read', chat_id: chat.id, id })
  }

  edit(chat, id, message) {
    return this.#change(chat, 'PATCH', id, '', { message })
  }

  remove(chat, id) {
    return this.#change(chat, 'DELETE', id)
  }

  react(chat, id, emoji) {
    return this.#change(chat, 'PUT', id, `/reactions/${encodeURIComponent(emoji)}`)
  }

  /** Loads the latest page of history; each further call, the page before. */
  async older(chat) {
    if (chat.loading || !chat.has_more_before) return
    chat.loading = true
    try {
      const before = chat.oldest === undefined ? '' : `&before=${chat.oldest}`
      const page = await this.http.requestWithRetry('GET', `/chats/${chat.id}/messages?limit=100${before}`)
      for (const message of page.items) this.#reply(chat, message)
      chat.oldest = page.items[0]?.id ?? chat.oldest
      chat.has_more_before = page.has_more_before
      this.onChange(chat)
    } finally {
      chat.loading = false
    }
  }

  async #change(chat, method, id, rest = '', body = undefined) {
    this.#reply(chat, await this.http.requestWithRetry(method, `/chats/${chat.id}/messages/${id}${rest}`, body))
    this.onChange(chat)
  }

  /** Handles a message from an HTTP reply: it does not move the cursor. */
  #reply(chat, message) {
    chat.keep(message)
    if (this.rules.cursor === 'replies') chat.cursor = Math.max(chat.cursor, message.seq)
  }

  #receive(frame) {
    const chat = this.chats.get(frame.chat_id)
    this.#frames[frame.type]?.(frame, chat)
    this.onChange(chat)
  }

  #frames = {
    ready: frame => this.#ready(frame),
    message: ({ type, ...message }, chat) => this.#see(chat, message),
    ack: (frame, chat) => {
      const { client_id, id, seq, created_at, duplicate } = frame
      const at = chat.outbox.findIndex(entry => entry.client_id === client_id)
      if (at < 0) return
      const [{ message }] = chat.outbox.splice(at, 1)
      const sender = { id: this.me.id, username: this.me.username }
      // The ack replaces the `message` frame, unless it is a duplicate: that message has its own `message` frame.
      if (!duplicate) this.#see(chat, { chat_id: chat.id, id, seq, kind: 'text', sender, created_at, message })
      this.#sendFirst(chat)
    },
    live: ({ seq }, chat) => {
      chat.live(seq)
      this.#loadList().catch(() => undefined)
    },
    error: ({ client_id, code, retry_after_ms }) => {
      if (retry_after_ms !== undefined) return setTimeout(() => this.#sendAgain(), retry_after_ms)
      for (const chat of this.chats.values()) {
        const entry = chat.outbox.find(entry => entry.client_id === client_id)
        if (entry) Object.assign(entry, { code })
        if (entry) this.#sendFirst(chat)
      }
    },
    unread: ({ items }) => {
      for (const { chat_id, read_id, unread_count } of items) {
        const chat = this.chats.get(chat_id)
        chat.count(chat.ready_at, read_id, unread_count)
      }
    },
    typing: ({ user_ids }, chat) => {
      chat.typing = user_ids.filter(id => id !== this.me.id)
    },
    presence: ({ online, online_count }, chat) => {
      chat.online = online ?? online_count
    },
    read: ({ user_id, id }, chat) => {
      if (user_id !== this.me.id) return chat.readers.set(user_id, id)
      chat.stored_read_id = Math.max(chat.stored_read_id, id)
      // The marker moved on another device of mine, so the server must count again.
      if (id > chat.read_id) this.#recount(chat).catch(() => undefined)
    },
    chat: ({ change, chat: info }) => {
      if (change === 'removed') return this.chats.delete(info.id)
      if (change === 'added') {
        const chat = this.#chat(info.id)
        chat.standsAt(info.seq)
        chat.count(info.seq, info.read_id, info.unread_count)
        chat.moved = ++this.#clock
      }
      Object.assign(this.#chat(info.id).info, info)
    }
  }

  #ready({ user, epoch, chats }) {
    // Another user: discard everything. Another epoch: keep only the texts that are not acked yet.
    if (this.me !== undefined && this.me.id !== user.id) this.chats.clear()
    else if (this.epoch !== epoch) for (const chat of [...this.chats.values()]) this.#forget(chat)
    this.me = user
    this.epoch = epoch
    const ids = new Set(chats.map(({ chat_id }) => chat_id))
    for (const id of this.chats.keys()) if (!ids.has(id)) this.chats.delete(id)
    const behind = []
    for (const { chat_id, seq, read_id, unread_count } of chats) {
      // Loading the latest page of history is cheaper than a long replay.
      if (seq - this.#chat(chat_id).cursor > this.rules.far) this.#forget(this.#chat(chat_id))
      const chat = this.#chat(chat_id)
      chat.ready_at = seq
      const after = chat.standsAt(seq)
      if (after !== undefined) behind.push({ chat_id, after })
      if (read_id !== undefined) chat.count(seq, read_id, unread_count)
    }
    for (let i = 0; i < behind.length; i += 1000) {
      this.connection.send({ type: 'resume', chats: behind.slice(i, i + 1000) })
    }
    this.#sendAgain()
    this.#loadList().catch(() => undefined)
  }

  /** Replaces a chat by a new object: replies to earlier requests change the old object only. */
  #forget({ id, info, moved, outbox }) {
    this.chats.delete(id)
    Object.assign(this.#chat(id), { info, moved, outbox: outbox.map(entry => ({ ...entry, after: 0 })) })
  }

  #chat(id) {
    if (!this.chats.has(id)) this.chats.set(id, new Chat(id, () => this.me.id, this.rules))
    return this.chats.get(id)
  }

  #see(chat, message) {
    chat.see(message)
    if (!chat.replaying) chat.moved = ++this.#clock
  }

  #sendFirst(chat) {
    if (!chat.first) return
    const { client_id, message } = chat.first
    this.connection.send({ type: 'send', chat_id: chat.id, client_id, message })
  }

  /** Sends everything again that has no answer yet. The answer to a read marker is a `read` frame. */
  #sendAgain() {
    for (const chat of this.chats.values()) {
      this.#sendFirst(chat)
      const { id, read_id, stored_read_id } = chat
      if (read_id > stored_read_id) this.connection.send({ type: 'read', chat_id: id, id: read_id })
    }
  }

  async #recount(chat) {
    const { seq, read_id, unread_count } = await this.http.requestWithRetry('GET', `/chats/${chat.id}`)
    chat.count(seq, read_id, unread_count)
    this.onChange(chat)
  }

  /** Loads titles and the order of the list. Chats that moved after the request stay at the top. */
  async #loadList() {
    const asked = ++this.#clock
    let place = 0
    for (let cursor = ''; cursor !== undefined; ) {
      const page = await this.http.requestWithRetry('GET', `/chats?limit=200${cursor}`)
      for (const info of page.items) {
        const chat = this.chats.get(info.id)
        if (!chat) continue
        if (!(chat.info.updated_at > info.updated_at)) Object.assign(chat.info, info)
        if (!(chat.moved > asked)) chat.moved = asked - ++place / 1e6
      }
      cursor = page.next_cursor && `&cursor=${page.next_cursor}`
    }
    this.onChange()
  }
}
