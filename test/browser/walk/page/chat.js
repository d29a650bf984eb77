// What the page knows of one chat.

export class Chat {
  /** Messages by `id`. */
  messages = new Map()
  /** The `seq` up to which everything is known. */
  cursor
  /** Whether a replay is under way: until its `live`, the cursor stays where it is. */
  replaying = false
  /** The first message of the last page of history. Not of all messages: a frame may tell of one that is far older. */
  oldest
  has_more_before = true
  /** What is not acked yet, in the order of sending. One that has a `code` was refused, and is not sent again. */
  outbox = []
  typing = []
  online = []
  /** How far the others have read, by user. */
  readers = new Map()
  read_id = 0
  /** The read marker that the server is known to have. */
  stored_read_id = 0
  /** The unread count at `counted_to`. */
  counted = 0
  counted_to = 0
  info = {}

  constructor(id, me, rules) {
    this.id = id
    this.me = me
    this.rules = rules
  }

  /** A message of a frame. It moves the cursor. */
  see(message) {
    this.keep(message)
    if (!this.replaying || this.rules.cursor === 'early') this.cursor = message.seq
  }

  /** A message of a reply to a request. It can be older than a frame that overtook it: the higher `seq` wins. */
  keep(message) {
    if (this.rules.keep !== 'always' && this.messages.get(message.id)?.seq > message.seq) return
    this.messages.set(message.id, message)
    // A message of mine whose ack was lost comes in the replay: not to be shown twice until its second ack.
    const entry = this.outbox.find(({ message: text, code }) => code === undefined && text === message.message)
    if (entry && message.sender.id === this.me() && message.id > entry.after) entry.shown_as = message.id
  }

  /** Where the chat stands, from `ready` or `chat`. Returns the cursor to resume from, if anything was missed. */
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

  /** The server's count of what is unread after `read_id`, as of `seq`. */
  count(seq, read_id, unread_count) {
    this.stored_read_id = Math.max(this.stored_read_id, read_id)
    if (read_id < this.read_id) return
    this.read_id = read_id
    this.counted = unread_count
    this.counted_to = seq
  }

  /** I have read everything up to the newest message. Returns its id when that is news. */
  readAll() {
    const id = this.sorted().at(-1)?.id ?? 0
    if (id <= this.read_id) return undefined
    this.read_id = id
    this.counted = 0
    this.counted_to = id
    return id
  }

  /** Messages of others after `read_id` that are not deleted: the server's count, and what has changed since. */
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

  /** Texts are sent one by one: the order then holds even when one has to be sent again. */
  get first() {
    return this.outbox.find(({ code }) => code === undefined)
  }

  /** What is shown below the messages. */
  get pending() {
    return this.outbox.filter(({ shown_as }) => shown_as === undefined)
  }

  /** Texts of mine that are shown twice: as a message, and as one that waits for its ack. */
  get doubles() {
    const mine = this.sorted()
      .slice(-200)
      .filter(({ sender }) => sender.id === this.me())
    return this.pending
      .filter(({ message: text, after }) => mine.some(({ id, message }) => id > after && message === text))
      .map(({ message }) => message)
  }
}
