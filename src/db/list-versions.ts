/** Chats of all users together, and of one user: who is in more has their list read anew each time. */
const CHATS = 200_000
const CHATS_EACH = 1000

interface Known {
  readonly version: number
  readonly chat_ids: readonly number[]
}

/**
 * Which version of their list of chats each user would see: a number that lasts until something in the list may have
 * changed, and never comes back. A change of a chat reaches those alone who are in it and whose version is known, and
 * each of them once for each time that their list was read: a busy chat of many members costs no more than that.
 */
export class ListVersions {
  readonly #known = new Map<number, Known>()
  /** The users of `#known` in each chat. */
  readonly #users = new Map<number, Set<number>>()
  #latest = 0
  #chats = 0

  get(user_id: number): number | undefined {
    return this.#known.get(user_id)?.version
  }

  /** Starts a version for a user who is in these chats. Undefined when they are too many to watch. */
  start(user_id: number, chat_ids: readonly number[]): number | undefined {
    if (chat_ids.length > CHATS_EACH) return undefined
    // Rarely, and then all at once: which ones are asked for again is not worth knowing.
    if (this.#chats > CHATS) this.clear()
    this.forget(user_id)
    const version = ++this.#latest
    this.#known.set(user_id, { version, chat_ids })
    this.#chats += chat_ids.length + 1
    for (const chat_id of chat_ids) {
      const users = this.#users.get(chat_id)
      if (users) users.add(user_id)
      else this.#users.set(chat_id, new Set([user_id]))
    }
    return version
  }

  /** Something in the list of a user may have changed. */
  forget(user_id: number): void {
    const known = this.#known.get(user_id)
    if (!known) return
    this.#known.delete(user_id)
    this.#chats -= known.chat_ids.length + 1
    for (const chat_id of known.chat_ids) {
      const users = this.#users.get(chat_id)
      users?.delete(user_id)
      if (users?.size === 0) this.#users.delete(chat_id)
    }
  }

  /** Something of a chat may have changed that its members see in their lists. */
  changed(chat_id: number): void {
    for (const user_id of this.#users.get(chat_id) ?? []) this.forget(user_id)
  }

  clear(): void {
    this.#known.clear()
    this.#users.clear()
    this.#chats = 0
  }
}
