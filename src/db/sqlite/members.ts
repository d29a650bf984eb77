import { decodeCursor, tagOf, toPage } from '../page.ts'
import type { MemberRepository } from '../repositories.ts'
import { toMember } from '../rows.ts'
import { and, asc, eq, gt, param } from './drizzle.ts'
import type { Database } from './open.ts'
import { chats, members, userColumns, users } from './tables.ts'

/** Messages that one count reads at most, those of the user, deleted ones and the system's included. */
const COUNTED_MESSAGES = 10_000

/**
 * Counts the texts of others with read_id < id <= until, to 100, over the primary key. A message that was deleted after
 * `until` counts: the count is that of the chat at `until`, and never changes afterwards.
 */
export function unreadQuery({ $client }: Database) {
  return $client
    .prepare<[{ chat_id: number; user_id: number; read_id: number; until: number }], number>(
      `select count(*) from (
         select 1 from (
           select sender_id, kind, deleted_at, seq from messages
           where chat_id = +@chat_id and id > +@read_id and id <= +@until order by id limit ${COUNTED_MESSAGES})
         where sender_id <> +@user_id and kind = 'text' and (deleted_at is null or seq > @until)
         limit 100)`
    )
    .pluck()
}

const memberColumns = { user: userColumns, role: members.role, joined_at: members.joined_at, read_id: members.read_id }

export function memberRepository(db: Database): MemberRepository {
  const ofMember = and(eq(members.chat_id, param('chat_id')), eq(members.user_id, param('user_id')))
  const access = db
    .select({ kind: chats.kind, visibility: chats.visibility, seq: chats.seq, role: members.role })
    .from(chats)
    .leftJoin(members, and(eq(members.chat_id, chats.id), eq(members.user_id, param('user_id'))))
    .where(eq(chats.id, param('chat_id')))
    .prepare()
  const one = db
    .select(memberColumns)
    .from(members)
    .innerJoin(users, eq(users.id, members.user_id))
    .where(ofMember)
    .prepare()
  const unread = unreadQuery(db)
  const readMarker = db.$client.prepare<[number, number], { read_id: number; seq: number }>(
    `select m.read_id, c.seq from members m join chats c on c.id = m.chat_id
     where m.chat_id = +? and m.user_id = +?`
  )

  return {
    async access(chat_id, user_id) {
      const [row] = await access.execute({ chat_id, user_id })
      return row
    },

    async find(chat_id, user_id) {
      const [row] = await one.execute({ chat_id, user_id })
      return row && toMember(row)
    },

    async list(chat_id, { limit, cursor }) {
      const tag = tagOf('members', chat_id)
      const [after] = decodeCursor(cursor, [0], tag) ?? [0]
      const rows = await db
        .select(memberColumns)
        .from(members)
        .innerJoin(users, eq(users.id, members.user_id))
        .where(and(eq(members.chat_id, chat_id), gt(members.user_id, after)))
        .orderBy(asc(members.user_id))
        .limit(limit + 1)
      return toPage(rows, limit, toMember, row => [tag, row.user.id])
    },

    async readState(chat_id, user_id) {
      const { read_id, seq } = readMarker.get(chat_id, user_id) ?? { read_id: 0, seq: 0 }
      const unread_count = read_id < seq ? (unread.get({ chat_id, user_id, read_id, until: seq }) as number) : 0
      return { read_id, unread_count }
    }
  }
}
