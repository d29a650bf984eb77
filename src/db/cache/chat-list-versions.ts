/** Chats of all users together, and of one user: who is in more has their list read anew each time. */
const CHATS = 200_000
export const CHATS_EACH = 1000

/**
 * Which version of their list of chats each user would see: a number that lasts until something in the list may have
 * changed, and never comes back. A change of a chat reaches those alone who have read their list since its last one.
 */
export class ListVersions {
  readonly #versions = new Map<number, number>()
  /** Whose version ends with the next change of a chat; some may have left it, and theirs then ends for nothing. */
  readonly #readers = new Map<number, Set<number>>()
  #latest = 0
  /** Sizes of the sets of readers together. */
  #size = 0

  get(user_id: number): number | undefined {
    return this.#versions.get(user_id)
  }

  /** Starts a version for a user who is in these chats. Undefined when they are too many to watch. */
  start(user_id: number, chat_ids: readonly number[]): number | undefined {
    if (chat_ids.length > CHATS_EACH) return undefined
    // Rarely, and then all at once: which ones are asked for again is not worth knowing.
    if (this.#size > CHATS || this.#versions.size > CHATS) this.clear()
    const version = ++this.#latest
    this.#versions.set(user_id, version)
    for (const chat_id of chat_ids) {
      const readers = this.#readers.get(chat_id) ?? new Set()
      if (!readers.has(user_id)) this.#size++
      this.#readers.set(chat_id, readers.add(user_id))
    }
    return version
  }

  /** Something in the list of a user may have changed. */
  forget(user_id: number): void {
    this.#versions.delete(user_id)
  }

  /** Something of a chat may have changed that its members see in their lists. */
  changed(chat_id: number): void {
    const readers = this.#readers.get(chat_id)
    if (!readers) return
    this.#readers.delete(chat_id)
    this.#size -= readers.size
    for (const user_id of readers) this.#versions.delete(user_id)
  }

  clear(): void {
    this.#versions.clear()
    this.#readers.clear()
    this.#size = 0
  }
}
