import type { FairTurns } from '../../fair-turns.ts'
import type { Database } from './open.ts'

/** Display names that are looked at before others have the event loop. */
const SLICE = 1000

interface NameRow {
  folded: string
  username: string
}

/**
 * A function that returns the usernames of up to `count` users after the username `after`, ascending, of those whose
 * username or folded display name begins with `prefix`, which is folded.
 *
 * Usernames come in their order from an index. Display names come from another index in the order of the names: all that
 * begin with the prefix are looked at, slice by slice, and the first usernames of them kept.
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
     order by display_name_folded, username limit ${SLICE}`
  )

  return async function find(prefix: string, after: string, count: number): Promise<string[]> {
    // No text with this prefix is above: it is the last code point, and SQLite compares UTF-8, which is in their order.
    const end = `${prefix}\u{10ffff}`
    let found = byUsername.all({ after, prefix, end, count })
    if (prefix === '') return found
    let last: NameRow = { folded: prefix, username: '' }
    for (; ; await scans.turn()) {
      const rows = byDisplayName.all({ ...last, end })
      const others = rows.map(({ username }) => username).filter(username => username > after)
      found = [...new Set([...found, ...others])].sort().slice(0, count)
      if (rows.length < SLICE) return found
      last = rows.at(-1) as NameRow
    }
  }
}
