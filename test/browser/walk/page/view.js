// Shows the state of the client, and handles the input of people. Tests read the elements of the lists.

const $ = selector => document.querySelector(selector)

export class View {
  /** The open chat. */
  chat_id
  #client
  #rows = new Map()
  #drawn = false

  constructor(client) {
    this.#client = client
    client.onChange = () => this.#draw()
    $('#login').onsubmit = event => {
      event.preventDefault()
      const { username, password } = Object.fromEntries(new FormData(event.target))
      client.logIn(username, password).catch(({ message }) => {
        $('#login output').value = message
      })
    }
    $('#compose').onsubmit = event => {
      event.preventDefault()
      const { text } = event.target.elements
      if (this.chat && text.value) client.send(this.chat, text.value)
      text.value = ''
    }
    $('#compose').oninput = () => this.chat && client.typing(this.chat)
    $('#messages').onscroll = () => this.#draw()
  }

  get chat() {
    return this.#client.chats.get(this.chat_id)
  }

  open(chat_id) {
    this.chat_id = chat_id
    $('#messages').replaceChildren()
    this.#rows.clear()
    this.#draw()
  }

  /** Draws once for all changes before the next frame of the browser. */
  #draw() {
    if (this.#drawn) return
    this.#drawn = true
    requestAnimationFrame(() => {
      this.#drawn = false
      this.#drawNow()
    })
  }

  #drawNow() {
    const client = this.#client
    $('#status').textContent = client.status
    $('#login').hidden = client.status !== 'logged out'
    $('#chats').replaceChildren(...client.list().map(chat => this.#entry(chat)))
    const { chat } = this
    $('#presence').textContent = chat ? `online: ${chat.online}` : ''
    $('#typing').textContent = chat?.typing.length ? `typing: ${chat.typing}` : ''
    if (!chat) return $('#messages').replaceChildren()
    this.#drawMessages(chat)
    const list = $('#messages')
    if (client.status === 'online' && list.scrollTop < 200) client.older(chat).catch(() => undefined)
    const atEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 5
    if (atEnd && chat.oldest !== undefined && document.visibilityState === 'visible') client.read(chat)
  }

  #entry(chat) {
    const row = document.createElement('li')
    row.textContent = `${chat.info.title} (${chat.unread})`
    row.dataset.id = chat.id
    row.onclick = () => this.open(chat.id)
    return row
  }

  /** Changes only the rows that differ. The visible messages do not move when older messages appear above them. */
  #drawMessages(chat) {
    const list = $('#messages')
    const fromEnd = list.scrollHeight - list.scrollTop
    const atEnd = fromEnd - list.clientHeight < 5
    const rows = new Map()
    for (const message of chat.sorted()) {
      const { id, seq } = message
      const old = this.#rows.get(id)
      rows.set(id, old?.dataset.seq === String(seq) ? old : messageRow(message))
    }
    for (const { client_id, message, code } of chat.pending) {
      const row = this.#rows.get(client_id) ?? document.createElement('li')
      row.textContent = message
      row.className = code ? 'refused' : 'waiting'
      rows.set(client_id, row)
    }
    let at = list.firstChild
    for (const row of rows.values()) {
      if (row === at) at = at.nextSibling
      else list.insertBefore(row, at)
    }
    while (at) {
      const next = at.nextSibling
      at.remove()
      at = next
    }
    this.#rows = rows
    list.scrollTop = list.scrollHeight - (atEnd ? 0 : fromEnd)
  }
}

function messageRow({ id, seq, kind, sender, message, edited_at, deleted_at, reactions = [] }) {
  const row = document.createElement('li')
  row.dataset.id = id
  row.dataset.seq = seq
  const text = kind === 'text' ? (deleted_at ? '(deleted)' : message) : `(${kind})`
  const marks = reactions.map(({ emoji, count }) => ` ${emoji}${count}`).join('')
  row.textContent = `${sender.username}: ${text}${edited_at && !deleted_at ? ' (edited)' : ''}${marks}`
  return row
}
