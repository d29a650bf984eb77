/** Departures that are remembered. */
const REMEMBERED = 10_000

/**
 * Who has left which chat lately. Between the moment at which a membership is read and the moment at which a socket
 * enters the room, the member may have been removed: the socket must not enter then.
 */
export class Departures {
  /** Grows with every departure: to be noted before a membership is read. */
  version = 0
  /** The version of each one's latest departure, the oldest first. */
  readonly #latest = new Map<string, number>()
  /** The version of the latest departure that is no longer remembered. */
  #forgotten = 0

  /** A user is no longer in a chat; without a user, nobody is: the chat is gone. */
  note(chat_id: number, user_id?: number): void {
    const key = keyOf(chat_id, user_id)
    this.#latest.delete(key)
    this.#latest.set(key, ++this.version)
    if (this.#latest.size > REMEMBERED) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const [key, version] of this.#latest) {
      this.#latest.delete(key)
      this.#forgotten = version
      return
    }
  }

  /** Whether a user may have left a chat since the version `since`. */
  mayHaveLeft(chat_id: number, user_id: number, since: number): boolean {
    if (since === this.version) return false
    const latest = Math.max(this.#latest.get(keyOf(chat_id, user_id)) ?? 0, this.#latest.get(keyOf(chat_id)) ?? 0)
    return latest > since || this.#forgotten > since
  }
}

function keyOf(chat_id: number, user_id?: number): string {
  return `${chat_id}:${user_id ?? ''}`
}
