import type Sqlite from 'better-sqlite3'

/** Messages that are looked at in one go. */
const PAGE = 500

/**
 * The times of a chat's messages, as far as they are known. They ascend with the ids as long as nobody sets the clock back, and no
 * tool writes others; a chat in which they do not can be searched too, but takes longer.
 */
export interface Times {
  /** The messages up to this id have been looked at. */
  timed: number
  /** The latest `created_at` of these; 0 when there are none. */
  newest: number
  /** Whether none of these has an earlier `created_at` than one before it. */
  ordered: boolean
}

/** Returns a function that looks at the next page of a chat's messages, and no further than the id `until`. */
export function timesReader(client: Sqlite.Database) {
  const page = client.prepare<[number, number, number], { id: number; created_at: number }>(
    `select id, created_at from messages where chat_id = ? and id > ? and id <= ? order by id limit ${PAGE}`
  )

  return (chat_id: number, { timed, newest, ordered }: Times, until: number): Times => {
    if (timed >= until) return { timed, newest, ordered }
    const messages = page.all(chat_id, timed, until)
    for (const { created_at } of messages) {
      if (created_at < newest) ordered = false
      else newest = created_at
    }
    const last = messages.length < PAGE ? until : (messages.at(-1)?.id as number)
    return { timed: last, newest, ordered }
  }
}
