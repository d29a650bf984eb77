import type Sqlite from 'better-sqlite3'

/** Messages that one query reads. */
const MESSAGES_PER_PAGE = 500

/**
 * The times of a chat's messages, as far as they are known. They grow with the ids unless the clock was set back, or a
 * tool wrote other times; a chat whose times do not grow can be searched too, but takes longer.
 */
export interface ChatTimes {
  /** The messages up to this id have been read. */
  timed: number
  /** The latest `created_at` of these messages; 0 when there are none. */
  newest: number
  /** Whether `created_at` never decreases in these messages. */
  ordered: boolean
}

/** Returns a function that reads the times of the next page of a chat's messages, up to the id `until`. */
export function timesReader(client: Sqlite.Database) {
  const page = client.prepare<[number, number, number], { id: number; created_at: number }>(
    `select id, created_at from messages where chat_id = ? and id > ? and id <= ? order by id limit ${MESSAGES_PER_PAGE}`
  )

  return (chat_id: number, { timed, newest, ordered }: ChatTimes, until: number): ChatTimes => {
    if (timed >= until) return { timed, newest, ordered }
    const messages = page.all(chat_id, timed, until)
    for (const { created_at } of messages) {
      if (created_at < newest) ordered = false
      else newest = created_at
    }
    const last = messages.length < MESSAGES_PER_PAGE ? until : (messages.at(-1)?.id as number)
    return { timed: last, newest, ordered }
  }
}
