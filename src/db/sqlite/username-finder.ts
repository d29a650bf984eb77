import type { FairTurns } from '../../fair-turns.ts'
import type { Database } from './open.ts'

/** Display names that are read before the scan yields to the event loop. */
const SCANNED_NAMES = 1000

interface NameRow {
  folded: string
  username: string
}

/**
 * Returns a function that finds up to `count` usernames after the username `after`, ascending, whose username or folded
 * display name begins with `prefix`. The prefix is folded.
 *
 * An index returns usernames in their order. Another index returns display names in the order of the names: all names
 * with the prefix are read, slice by slice, and the first usernames among them are kept.
 */
export function usernameFinder({ $client }: Database, scans: FairTurns) {
  const byUsername = $client
    .prepare<[{ after: string; prefix: string; end: string; count: number }], string>(
      `select username from users where username > @after and username >= @prefix and username < @end
       order by username limit @count`
    )
    .pluck()
  const byDisplayName = $client.prepare<[NameRow & { end: string }], NameRow>(
    `select display_name_folded as folded, username from users
     where (display_name_folded, username) > (@folded, @username) and display_name_folded < @end
     order by display_name_folded, username limit ${SCANNED_NAMES}`
  )

  return async function find(prefix: string, after: string, count: number): Promise<string[]> {
    // Every text with this prefix is below: U+10FFFF is the last code point, and SQLite compares UTF-8 byte by byte,
    // which is code point order.
    const end = `${prefix}\u{10ffff}`
    let usernames = byUsername.all({ after, prefix, end, count })
    if (prefix === '') return usernames
    let last: NameRow = { folded: prefix, username: '' }
    for (; ; await scans.turn()) {
      const rows = byDisplayName.all({ ...last, end })
      const others = rows.map(({ username }) => username).filter(username => username > after)
      usernames = [...new Set([...usernames, ...others])].sort().slice(0, count)
      if (rows.length < SCANNED_NAMES) return usernames
      last = rows.at(-1) as NameRow
    }
  }
}
