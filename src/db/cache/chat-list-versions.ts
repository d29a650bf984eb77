/** Entries of all users together. */
const MAX_ENTRIES = 200_000
/** A user with more chats has no version: their list is read each time. */
export const CHATS_PER_USER = 1000

/**
 * A version for each user's list of chats. A version is never used again. Invalidating a chat costs work only for users
 * who read their list since the chat last changed.
 */
export class ChatListVersions {
  readonly #versions = new Map<number, number>()
  /** By chat: the users to invalidate when it changes. May include former members: a harmless extra invalidation. */
  readonly #readers = new Map<number, Set<number>>()
  #latest = 0
  /** The sizes of all sets of readers together. */
  #size = 0

  get(user_id: number): number | undefined {
    return this.#versions.get(user_id)
  }

  /** Starts a version for a user who is in these chats. Returns undefined when there are too many chats. */
  start(user_id: number, chat_ids: readonly number[]): number | undefined {
    if (chat_ids.length > CHATS_PER_USER) return undefined
    // Rare. Removing only the least recently used entries would need an order of use for each.
    if (this.#size > MAX_ENTRIES || this.#versions.size > MAX_ENTRIES) this.clear()
    const version = ++this.#latest
    this.#versions.set(user_id, version)
    for (const chat_id of chat_ids) {
      const readers = this.#readers.get(chat_id) ?? new Set()
      if (!readers.has(user_id)) this.#size++
      this.#readers.set(chat_id, readers.add(user_id))
    }
    return version
  }

  /** Something in the list of this user may have changed. */
  invalidateUser(user_id: number): void {
    this.#versions.delete(user_id)
  }

  /** Something may have changed that the members of this chat see in their lists. */
  invalidateChat(chat_id: number): void {
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
