import { Recent } from '../../recent.ts'
import type { Reaction } from '../../schemas/message.ts'
import type { Database } from './open.ts'

/** Of those who gave a reaction, as many are named; the count is of all. */
const NAMED = 100
/** User ids that are kept for messages whose reactions have changed lately. */
const KEPT = 200_000

/** A message as of its number `seq`. */
interface Place {
  chat_id: number
  id: number
  seq: number
}

/**
 * The reactions of messages, as they go over the wire: by emoji, in the order in which each came first. Counts and names
 * come out of the index by emoji: ten thousand reactions on a message are as cheap to show as a hundred.
 */
export class Reactions {
  readonly #groups
  readonly #named
  /** What the reactions of a message are as of its `seq`, which each change of them moves. */
  readonly #kept = new Recent<{ seq: number; reactions: Reaction[] }>(KEPT, ({ reactions }) =>
    reactions.reduce((sum, { user_ids }) => sum + user_ids.length, 1)
  )

  constructor({ $client }: Database) {
    this.#groups = $client.prepare<[number, number], { emoji: string; count: number }>(
      `select emoji, count(*) as count from reactions indexed by reactions_by_emoji
       where chat_id = +? and message_id = +? group by emoji order by min(seq)`
    )
    this.#named = $client
      .prepare<[number, number, string], number>(
        `select user_id from reactions where chat_id = ? and message_id = ? and emoji = ? order by seq limit ${NAMED}`
      )
      .pluck()
  }

  of(chat_id: number, id: number): Reaction[] {
    return this.#groups
      .all(chat_id, id)
      .map(({ emoji, count }) => ({ emoji, count, user_ids: this.#named.all(chat_id, id, emoji) }))
  }

  /** The reactions of one message, which is about to change. */
  before(message: Place): Reaction[] {
    const { chat_id, id, seq } = message
    const kept = this.#kept.get(keyOf(chat_id, id))
    return kept?.seq === seq ? kept.reactions : this.of(chat_id, id)
  }

  /** A user's reaction was added to what they were `before`. The message has taken the number `seq`. */
  added(before: Reaction[], { chat_id, id, seq }: Place, emoji: string, user_id: number): Reaction[] {
    const others = before.some(reaction => reaction.emoji === emoji)
      ? before
      : [...before, { emoji, count: 0, user_ids: [] }]
    const reactions = others.map(reaction => {
      if (reaction.emoji !== emoji) return reaction
      const { count, user_ids } = reaction
      return { emoji, count: count + 1, user_ids: user_ids.length < NAMED ? [...user_ids, user_id] : user_ids }
    })
    this.#kept.set(keyOf(chat_id, id), { seq, reactions })
    return reactions
  }

  /** A user's reaction was removed from what they were `before`. The message has taken the number `seq`. */
  removed(before: Reaction[], message: Place, emoji: string, user_id: number): Reaction[] {
    const { chat_id, id, seq } = message
    const others = before.flatMap(reaction => {
      if (reaction.emoji !== emoji) return [reaction]
      const count = reaction.count - 1
      return count > 0 ? [{ emoji, count, user_ids: this.#named.all(chat_id, id, emoji) }] : []
    })
    const wasFirst = before.some(reaction => reaction.emoji === emoji && reaction.user_ids[0] === user_id)
    // Without its first one, a reaction may have come later than others.
    const reactions = wasFirst ? this.of(chat_id, id) : others
    this.#kept.set(keyOf(chat_id, id), { seq, reactions })
    return reactions
  }

  /** To be called when a transaction was rolled back: its numbers are taken again, by other changes. */
  forget(): void {
    this.#kept.clear()
  }
}

function keyOf(chat_id: number, id: number): string {
  return `${chat_id}:${id}`
}
