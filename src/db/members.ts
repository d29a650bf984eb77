import type { Member, ReadState, Role } from '../schemas/chat.ts'
import type { Page } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { and, asc, eq, gt, sql } from './drizzle.ts'
import { decodeCursor, type PageRequest, toIso, toPage } from './page.ts'
import { chats, members, messages, users } from './tables.ts'
import { toUser, type UserRow, userColumns } from './users.ts'

/** What access is decided on: the chat as it is, and the caller's role when they are a member. */
export interface Standing {
  kind: 'group' | 'direct'
  visibility: 'private' | 'public'
  seq: number
  role: Role | null
}

/** Messages of others after a member's read marker, counted to 100: a scalar subquery over the primary key. */
export const unreadCount = sql<number>`(select count(*) from (
  select 1 from ${messages}
  where ${messages.chat_id} = ${members.chat_id} and ${messages.id} > ${members.read_id}
    and ${messages.sender_id} <> ${members.user_id} and ${messages.kind} = 'text' and ${messages.deleted_at} is null
  limit 100) as unread)`

const memberColumns = { user: userColumns, role: members.role, joined_at: members.joined_at }

function toMember(row: { user: UserRow; role: Role; joined_at: number }): Member {
  return { user: toUser(row.user), role: row.role, joined_at: toIso(row.joined_at) }
}

/** Who is in which chat, with which role, and how far they have read. Joining and leaving are changes of the log. */
export function membersRepository(db: Database) {
  const ofMember = and(eq(members.chat_id, sql.placeholder('chat_id')), eq(members.user_id, sql.placeholder('user_id')))
  const standing = db
    .select({ kind: chats.kind, visibility: chats.visibility, seq: chats.seq, role: members.role })
    .from(chats)
    .leftJoin(members, and(eq(members.chat_id, chats.id), eq(members.user_id, sql.placeholder('user_id'))))
    .where(eq(chats.id, sql.placeholder('chat_id')))
    .prepare()
  const one = db
    .select(memberColumns)
    .from(members)
    .innerJoin(users, eq(users.id, members.user_id))
    .where(ofMember)
    .prepare()
  const readState = db
    .select({ read_id: members.read_id, unread_count: unreadCount })
    .from(members)
    .innerJoin(chats, eq(chats.id, members.chat_id))
    .where(ofMember)
    .prepare()

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
      const [after] = decodeCursor(cursor, [0]) ?? [0]
      const rows = await db
        .select(memberColumns)
        .from(members)
        .innerJoin(users, eq(users.id, members.user_id))
        .where(and(eq(members.chat_id, chat_id), gt(members.user_id, after)))
        .orderBy(asc(members.user_id))
        .limit(limit + 1)
      return toPage(rows, limit, toMember, row => [row.user.id])
    },

    /** Gives a member another role. Returns false, changing nothing, when that would leave the chat without an owner. */
    async setRole(chat_id: number, user_id: number, role: Role): Promise<boolean> {
      const anotherOwner = sql`exists (select 1 from members as other where other.chat_id = ${chat_id}
        and other.role = 'owner' and other.user_id <> ${user_id})`
      const changed = await db
        .update(members)
        .set({ role })
        .where(
          and(
            eq(members.chat_id, chat_id),
            eq(members.user_id, user_id),
            sql`(${role} = 'owner' or ${members.role} <> 'owner' or ${anotherOwner})`
          )
        )
        .returning({ role: members.role })
      return changed.length > 0
    },

    /** How far a member has read. */
    async readState(chat_id: number, user_id: number): Promise<ReadState> {
      const [state] = await readState.execute({ chat_id, user_id })
      return state ?? { read_id: 0, unread_count: 0 }
    }
  }
}
