// The state of one chat: its messages, its cursor and the texts that are not acked yet.

export class Chat {
  /** Messages by `id`. */
  messages = new Map()
  /** The `seq` up to which the page has everything. */
  cursor
  /** Whether a replay is running: the cursor does not move before its `live`. */
  replaying = false
  /** The first id of the last page of history. Not the lowest id of all: a frame may bring a much older message. */
  oldest
  has_more_before = true
  /** The texts that are not acked yet, in order. A text with a `code` was refused and is not sent again. */
  outbox = []
  typing = []
  online = []
  /** The read markers of the others, by user. */
  readers = new Map()
  read_id = 0
  /** The read marker that the server has stored. */
  stored_read_id = 0
  /** The unread count of the server at the `seq` `counted_to`. */
  counted = 0
  counted_to = 0
  info = {}

  constructor(id, me, rules) {
    this.id = id
    this.me = me
    this.rules = rules
  }

  /** Handles a message from a frame: it moves the cursor. */
  see(message) {
    this.keep(message)
    if (!this.replaying || this.rules.cursor === 'early') this.cursor = message.seq
  }

  /** Keeps the higher `seq`: a reply to a request can be older than a frame that arrived before it. */
  keep(message) {
    if (this.rules.keep !== 'always' && this.messages.get(message.id)?.seq > message.seq) return
    this.messages.set(message.id, message)
    // If an ack was lost, the replay brings my message before its second ack: hide the text until then.
    const entry = this.outbox.find(({ message: text, code }) => code === undefined && text === message.message)
    if (entry && message.sender.id === this.me() && message.id > entry.after) entry.shown_as = message.id
  }

  /** Gets the latest `seq` from `ready` or `chat`. Returns the cursor to resume from, if changes were missed. */
  standsAt(seq) {
    this.typing = []
    this.cursor ??= seq
    this.replaying = this.cursor < seq
    return this.replaying ? this.cursor : undefined
  }

  live(seq) {
    this.cursor = seq
    this.replaying = false
  }

  /** Sets the unread count of the server: of the messages after `read_id`, up to `seq`. */
  count(seq, read_id, unread_count) {
    this.stored_read_id = Math.max(this.stored_read_id, read_id)
    if (read_id < this.read_id) return
    this.read_id = read_id
    this.counted = unread_count
    this.counted_to = seq
  }

  /** Moves my read marker to the newest message. Returns its id if the marker has moved. */
  readAll() {
    const id = this.sorted().at(-1)?.id ?? 0
    if (id <= this.read_id) return undefined
    this.read_id = id
    this.counted = 0
    this.counted_to = id
    return id
  }

  /** The number of unread messages: the count of the server, updated by the changes since. */
  get unread() {
    let count = this.counted
    for (const { id, seq, kind, sender, deleted_at } of this.messages.values()) {
      if (seq <= this.counted_to || id <= this.read_id || kind !== 'text' || sender.id === this.me()) continue
      if (id > this.counted_to && !deleted_at) count++
      if (id <= this.counted_to && deleted_at) count--
    }
    return Math.min(100, count)
  }

  sorted() {
    return [...this.messages.values()].sort((a, b) => a.id - b.id)
  }

  /** The next text to send. Texts are sent one by one, so that a retry does not change their order. */
  get first() {
    return this.outbox.find(({ code }) => code === undefined)
  }

  /** The texts to show below the messages. */
  get pending() {
    return this.outbox.filter(({ shown_as }) => shown_as === undefined)
  }

  /** My texts that are shown twice: as a message, and as an unacked text. */
  get doubles() {
    const mine = this.sorted()
      .slice(-200)
      .filter(({ sender }) => sender.id === this.me())
    return this.pending
      .filter(({ message: text, after }) => mine.some(({ id, message }) => id > after && message === text))
      .map(({ message }) => message)
  }
}
