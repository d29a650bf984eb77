/** Max departures that are remembered. */
const MAX_DEPARTURES = 10_000

/**
 * The latest departures from chats. A member can be removed after their membership was read and before their socket
 * enters the room: a socket must not enter then.
 */
export class Departures {
  /** Grows with every departure. Read it before a membership is read. */
  version = 0
  /** The version of the latest departure by chat and user, the oldest first. */
  readonly #latest = new Map<string, number>()
  /** The version of the latest departure that is no longer remembered. */
  #forgotten = 0

  /** Records that a user is no longer in a chat; without a user, that the chat is deleted. */
  record(chat_id: number, user_id?: number): void {
    const key = keyOf(chat_id, user_id)
    this.#latest.delete(key)
    this.#latest.set(key, ++this.version)
    if (this.#latest.size > MAX_DEPARTURES) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const [key, version] of this.#latest) {
      this.#latest.delete(key)
      this.#forgotten = version
      return
    }
  }

  /** Whether a user may have left a chat after the version `since`. True also when that is not remembered. */
  mayHaveLeft(chat_id: number, user_id: number, since: number): boolean {
    if (since === this.version) return false
    const latest = Math.max(this.#latest.get(keyOf(chat_id, user_id)) ?? 0, this.#latest.get(keyOf(chat_id)) ?? 0)
    return latest > since || this.#forgotten > since
  }
}

function keyOf(chat_id: number, user_id?: number): string {
  return `${chat_id}:${user_id ?? ''}`
}
