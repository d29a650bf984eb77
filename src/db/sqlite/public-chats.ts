import type { FairTurns } from '../../fair-turns.ts'
import type { PublicChat } from '../../schemas/chat.ts'
import type { Page } from '../../schemas/common.ts'
import { decodeCursor, type PageRequest, tagOf, toPage } from '../page.ts'
import { foldText } from '../search/fold-text.ts'
import { chatColumns, toPublicChat } from './chat-row.ts'
import { and, desc, eq, inArray } from './drizzle.ts'
import type { Database } from './open.ts'
import { chats } from './tables.ts'

/** Titles that are looked at before others have the event loop. */
const SLICE = 1000

interface TitleRow {
  id: number
  title: string
  title_folded: string | null
}

/** Finds public chats. */
export function publicChats(db: Database, scans: FairTurns) {
  const titlesBelow = db.$client.prepare<[before: number, limit: number], TitleRow>(
    `select id, title, title_folded from chats indexed by chats_public
     where visibility = 'public' and title is not null and id < ? order by id desc limit ?`
  )

  /** The ids of up to `count` public chats below the id `before` whose folded title contains `part`, newest first. */
  async function find(part: string, before: number, count: number): Promise<number[]> {
    const found: number[] = []
    const slice = part === '' ? count : SLICE
    for (let below = before; ; await scans.turn()) {
      const rows = titlesBelow.all(below, slice)
      for (const { id, title, title_folded } of rows) {
        if ((title_folded ?? foldText(title)).includes(part)) found.push(id)
        if (found.length === count) return found
      }
      if (rows.length < slice) return found
      below = (rows.at(-1) as TitleRow).id
    }
  }

  return {
    /** Public chats whose title contains `query` in any case and with any accents, newest first. Throws INVALID_CURSOR. */
    async listPublic({ query = '', limit, cursor }: PageRequest & { query?: string }): Promise<Page<PublicChat>> {
      const tag = tagOf('public chats', foldText(query))
      const [before] = decodeCursor(cursor, [0], tag) ?? [Number.MAX_SAFE_INTEGER]
      const found = await find(foldText(query), before, limit + 1)
      const page = toPage(
        found,
        limit,
        id => id,
        id => [tag, id]
      )
      const rows = await db
        .select(chatColumns)
        .from(chats)
        // Asked again: a chat may have become private while the others were looked at.
        .where(and(inArray(chats.id, page.items), eq(chats.visibility, 'public')))
        .orderBy(desc(chats.id))
      return { ...page, items: rows.map(toPublicChat) }
    }
  }
}
