import type { FairTurns } from '../../fair-turns.ts'
import { decodeCursor, tagOf, toPage } from '../page.ts'
import type { ChatRepository } from '../repositories.ts'
import { toPublicChat } from '../rows.ts'
import { foldText } from '../search/fold-text.ts'
import { and, desc, eq, inArray } from './drizzle.ts'
import type { Database } from './open.ts'
import { chatColumns, chats } from './tables.ts'

/** Titles that are compared before the scan yields to the event loop. */
const SCANNED_TITLES = 1000

interface TitleRow {
  id: number
  title: string
  title_folded: string | null
}

/** Finds public chats. `scans` shares the event loop among the scans of all requests. */
export function publicChats(db: Database, scans: FairTurns): Pick<ChatRepository, 'listPublic'> {
  const titlesBelow = db.$client.prepare<[before: number, limit: number], TitleRow>(
    `select id, title, title_folded from chats indexed by chats_public
     where visibility = 'public' and title is not null and id < ? order by id desc limit ?`
  )

  /** The ids of up to `count` public chats below the id `before` whose folded title contains `part`, newest first. */
  async function find(part: string, before: number, count: number): Promise<number[]> {
    const ids: number[] = []
    const slice = part === '' ? count : SCANNED_TITLES
    for (let below = before; ; await scans.turn()) {
      const rows = titlesBelow.all(below, slice)
      for (const { id, title, title_folded } of rows) {
        if ((title_folded ?? foldText(title)).includes(part)) ids.push(id)
        if (ids.length === count) return ids
      }
      if (rows.length < slice) return ids
      below = (rows.at(-1) as TitleRow).id
    }
  }

  return {
    async listPublic({ query = '', limit, cursor }) {
      const part = foldText(query)
      const tag = tagOf('public chats', part)
      const [before] = decodeCursor(cursor, [0], tag) ?? [Number.MAX_SAFE_INTEGER]
      const ids = await find(part, before, limit + 1)
      const page = toPage(
        ids,
        limit,
        id => id,
        id => [tag, id]
      )
      const rows = await db
        .select(chatColumns)
        .from(chats)
        // Checked again: a chat may have become private during the scan.
        .where(and(inArray(chats.id, page.items), eq(chats.visibility, 'public')))
        .orderBy(desc(chats.id))
      return { ...page, items: rows.map(toPublicChat) }
    }
  }
}
