// The page. Its query is for tests: shorter times, and wrong rules for messages and cursors.

import { Client } from './client.js'
import { View } from './view.js'

const query = new URLSearchParams(location.search)
const client = new Client({
  base: '/api',
  pong_ms: Number(query.get('pong_ms') ?? 10_000),
  most_ms: Number(query.get('most_ms') ?? 20_000),
  rules: { keep: query.get('keep'), cursor: query.get('cursor'), far: Number(query.get('far') ?? 1000) }
})
const view = new View(client)

const wake = () => client.connection.wake()
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake())
addEventListener('online', wake)
addEventListener('pageshow', ({ persisted }) => persisted && wake())
client.connection.open()

/** Texts that were shown twice at the same time. */
const doubles = []
const draw = client.onChange
client.onChange = chat => {
  doubles.push(...(chat?.doubles ?? []))
  draw(chat)
}

const list = document.querySelector('#messages')

/** For tests: the state of the page, and actions that the page has no buttons for. */
globalThis.walk = {
  edit: (id, message) => client.edit(view.chat, id, message),
  react: (id, emoji) => client.react(view.chat, id, emoji),
  async scrollToTheBeginning() {
    while (view.chat.has_more_before) {
      list.scrollTop = 0
      await new Promise(requestAnimationFrame)
    }
  },
  scrollToTheEnd() {
    list.scrollTop = list.scrollHeight
  },
  async talk(prefix, count) {
    for (let n = 0; n < count; n++) {
      client.send(view.chat, `${prefix} ${n}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  },
  /** The state of the page as plain data, without long lists. */
  state: () => ({
    status: client.status,
    epoch: client.epoch,
    chats: client.list().map(chat => ({
      id: chat.id,
      title: chat.info.title,
      cursor: chat.cursor,
      read_id: chat.read_id,
      unread: chat.unread,
      online: chat.online,
      typing: chat.typing,
      waiting: chat.outbox.length,
      complete: !chat.has_more_before
    })),
    last_line: list.lastElementChild?.textContent
  }),
  messages: id => client.chats.get(id).sorted(),
  /** The lines of the open chat. */
  lines: () => [...list.children].map(({ textContent }) => textContent),
  doubles
}
