import { Recent } from '../recent.ts'
import type { Reaction } from '../schemas/message.ts'
import type { Database } from './database.ts'

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

interface GroupRow {
  chat_id: number
  message_id: number
  emoji: string
  count: number
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
    this.#groups = $client.prepare<[string], GroupRow>(
      `select r.chat_id, r.message_id, r.emoji, count(*) as count
       from json_each(+?) as message
       cross join reactions r indexed by reactions_by_emoji
         on r.chat_id = message.value ->> 0 and r.message_id = message.value ->> 1
       group by r.chat_id, r.message_id, r.emoji order by min(r.seq)`
    )
    this.#named = $client
      .prepare<[number, number, string], number>(
        `select user_id from reactions where chat_id = ? and message_id = ? and emoji = ? order by seq limit ${NAMED}`
      )
      .pluck()
  }

  /** The reactions of these messages, by the message. Those without any are left out. */
  of(messages: Place[]): Map<string, Reaction[]> {
    const found = new Map<string, Reaction[]>()
    for (const { chat_id, message_id, emoji, count } of this.#groups.all(
      JSON.stringify(messages.map(({ chat_id, id }) => [chat_id, id]))
    )) {
      const key = keyOf(chat_id, message_id)
      const reaction = { emoji, count, user_ids: this.#named.all(chat_id, message_id, emoji) }
      found.set(key, [...(found.get(key) ?? []), reaction])
    }
    return found
  }

  /** The reactions of one message, which is about to change. */
  before(message: Place): Reaction[] {
    const key = keyOf(message.chat_id, message.id)
    const kept = this.#kept.get(key)
    return kept?.seq === message.seq ? kept.reactions : (this.of([message]).get(key) ?? [])
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
    const key = keyOf(chat_id, id)
    const others = before.flatMap(reaction => {
      if (reaction.emoji !== emoji) return [reaction]
      const count = reaction.count - 1
      return count > 0 ? [{ emoji, count, user_ids: this.#named.all(chat_id, id, emoji) }] : []
    })
    const wasFirst = before.some(reaction => reaction.emoji === emoji && reaction.user_ids[0] === user_id)
    // Without its first one, a reaction may have come later than others.
    const reactions = wasFirst ? (this.of([message]).get(key) ?? []) : others
    this.#kept.set(key, { seq, reactions })
    return reactions
  }

  /** To be called when a transaction was rolled back: its numbers are taken again, by other changes. */
  forget(): void {
    this.#kept.clear()
  }
}

export function keyOf(chat_id: number, id: number): string {
  return `${chat_id}:${id}`
}
