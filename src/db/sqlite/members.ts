import type { Member, ReadState, Role } from '../../schemas/chat.ts'
import type { Page } from '../../schemas/common.ts'
import { decodeCursor, type PageRequest, tagOf, toIso, toPage } from '../page.ts'
import { and, asc, eq, gt, param } from './drizzle.ts'
import type { Database } from './open.ts'
import { chats, members, users } from './tables.ts'
import { toUser, type UserRow, userColumns } from './users.ts'

/** What access is decided on: the chat as it is, and the caller's role when they are a member. */
export interface Standing {
  kind: 'group' | 'direct'
  visibility: 'private' | 'public'
  seq: number
  role: Role | null
}

/** Messages that are looked at for a count: one's own, deleted ones and the system's are among them. */
const LOOKED_AT = 10_000

/** Counts the messages of others with read_id < id <= until, to 100, over the primary key. */
export function unreadQuery({ $client }: Database) {
  return $client
    .prepare<[{ chat_id: number; user_id: number; read_id: number; until: number }], number>(
      `select count(*) from (
         select 1 from (
           select sender_id, kind, deleted_at, seq from messages
           where chat_id = +@chat_id and id > +@read_id and id <= +@until order by id limit ${LOOKED_AT})
         where sender_id <> +@user_id and kind = 'text' and (deleted_at is null or seq > @until)
         limit 100)`
    )
    .pluck()
}

const memberColumns = { user: userColumns, role: members.role, joined_at: members.joined_at, read_id: members.read_id }

interface MemberRow {
  user: UserRow
  role: Role
  joined_at: number
  read_id: number
}

function toMember({ user, role, joined_at, read_id }: MemberRow): Member {
  return { user: toUser(user), role, joined_at: toIso(joined_at), read_id }
}

/** Who is in which chat, with which role, and how far they have read. Joining and leaving are changes of the log. */
export function membersRepository(db: Database) {
  const ofMember = and(eq(members.chat_id, param('chat_id')), eq(members.user_id, param('user_id')))
  const standing = db
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
  const markerOf = db.$client.prepare<[number, number], { read_id: number; seq: number }>(
    `select m.read_id, c.seq from members m join chats c on c.id = m.chat_id
     where m.chat_id = +? and m.user_id = +?`
  )

  return {
    /** How a user stands to a chat; undefined when there is no such chat. */
    async standing(chat_id: number, user_id: number): Promise<Standing | undefined> {
      const [row] = await standing.execute({ chat_id, user_id })
      return row
    },

    async find(chat_id: number, user_id: number): Promise<Member | undefined> {
      const [row] = await one.execute({ chat_id, user_id })
      return row && toMember(row)
    },

    /** The members of a chat, by account. Throws INVALID_CURSOR. */
    async list(chat_id: number, { limit, cursor }: PageRequest): Promise<Page<Member>> {
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

    /** How far a member has read. */
    async readState(chat_id: number, user_id: number): Promise<ReadState> {
      const { read_id, seq } = markerOf.get(chat_id, user_id) ?? { read_id: 0, seq: 0 }
      const unread_count = read_id < seq ? (unread.get({ chat_id, user_id, read_id, until: seq }) as number) : 0
      return { read_id, unread_count }
    }
  }
}
