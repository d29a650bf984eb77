import { LruCache } from '../../lru-cache.ts'
import type { Reaction } from '../../schemas/message.ts'
import type { Database } from './open.ts'

/** At most this many users of a reaction are named; its count includes all. */
const NAMED_USERS = 100
/** User ids that the cache holds, of all messages together. */
const CACHED_USER_IDS = 200_000

/** A message as of its number `seq`. */
interface MessageVersion {
  chat_id: number
  id: number
  seq: number
}

/**
 * The reactions of messages as they go over the wire: grouped by emoji, in the order in which each emoji was first
 * used. Counts and names come from an index by emoji: showing ten thousand reactions costs as much as showing a
 * hundred.
 */
export class Reactions {
  readonly #groups
  readonly #userIds
  /** The reactions of recently changed messages. Each change of reactions moves the `seq` of the message. */
  readonly #cache = new LruCache<{ seq: number; reactions: Reaction[] }>(CACHED_USER_IDS, ({ reactions }) =>
    reactions.reduce((sum, { user_ids }) => sum + user_ids.length, 1)
  )

  constructor({ $client }: Database) {
    // `+?`: see `param` in drizzle.ts.
    this.#groups = $client.prepare<[number, number], { emoji: string; count: number }>(
      `select emoji, count(*) as count from reactions indexed by reactions_by_emoji
       where chat_id = +? and message_id = +? group by emoji order by min(seq)`
    )
    this.#userIds = $client
      .prepare<[number, number, string], number>(
        `select user_id from reactions where chat_id = ? and message_id = ? and emoji = ?
         order by seq limit ${NAMED_USERS}`
      )
      .pluck()
  }

  /** Reads the reactions of a message from the database. */
  of(chat_id: number, id: number): Reaction[] {
    return this.#groups
      .all(chat_id, id)
      .map(({ emoji, count }) => ({ emoji, count, user_ids: this.#userIds.all(chat_id, id, emoji) }))
  }

  /** Returns the reactions of a message that is about to change, from the cache if possible. */
  before(message: MessageVersion): Reaction[] {
    const { chat_id, id, seq } = message
    const cached = this.#cache.get(keyOf(chat_id, id))
    return cached?.seq === seq ? cached.reactions : this.of(chat_id, id)
  }

  /** Adds a user's reaction to the reactions `before` it. `seq` is the number that this change has taken. */
  added(before: Reaction[], { chat_id, id, seq }: MessageVersion, emoji: string, user_id: number): Reaction[] {
    const groups = before.some(reaction => reaction.emoji === emoji)
      ? before
      : [...before, { emoji, count: 0, user_ids: [] }]
    const reactions = groups.map(reaction => {
      if (reaction.emoji !== emoji) return reaction
      const { count, user_ids } = reaction
      return { emoji, count: count + 1, user_ids: user_ids.length < NAMED_USERS ? [...user_ids, user_id] : user_ids }
    })
    this.#cache.set(keyOf(chat_id, id), { seq, reactions })
    return reactions
  }

  /** Removes a user's reaction from the reactions `before` that. `seq` is the number that this change has taken. */
  removed(before: Reaction[], message: MessageVersion, emoji: string, user_id: number): Reaction[] {
    const { chat_id, id, seq } = message
    const groups = before.flatMap(reaction => {
      if (reaction.emoji !== emoji) return [reaction]
      const count = reaction.count - 1
      return count > 0 ? [{ emoji, count, user_ids: this.#userIds.all(chat_id, id, emoji) }] : []
    })
    const wasFirst = before.some(reaction => reaction.emoji === emoji && reaction.user_ids[0] === user_id)
    // Without its first user, an emoji may move behind others: read the order again.
    const reactions = wasFirst ? this.of(chat_id, id) : groups
    this.#cache.set(keyOf(chat_id, id), { seq, reactions })
    return reactions
  }

  /** Call this after a rollback: other changes will take the numbers of the transaction. */
  clear(): void {
    this.#cache.clear()
  }
}

function keyOf(chat_id: number, id: number): string {
  return `${chat_id}:${id}`
}
