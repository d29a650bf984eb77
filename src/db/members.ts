import type { Member, ReadState, Role } from '../schemas/chat.ts'
import type { Page } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { and, asc, eq, gt, param, sql } from './drizzle.ts'
import { decodeCursor, type PageRequest, tagOf, toIso, toPage } from './page.ts'
import { chats, members, users } from './tables.ts'
import { toUser, type UserRow, userColumns } from './users.ts'

/** What access is decided on: the chat as it is, and the caller's role when they are a member. */
export interface Standing {
  kind: 'group' | 'direct'
  visibility: 'private' | 'public'
  seq: number
  role: Role | null
}

/** How far a member has read, and the messages of others after that, counted to 100 over the primary key. */
export function readStateQuery({ $client }: Database) {
  return $client.prepare<[chat_id: number, user_id: number], ReadState>(
    `select read_id, (select count(*) from (
       select 1 from messages m
       where m.chat_id = r.chat_id and m.id > r.read_id and m.sender_id <> r.user_id
         and m.kind = 'text' and m.deleted_at is null
       limit 100)) as unread_count
     from members r where r.chat_id = +? and r.user_id = +?`
  )
}

const memberColumns = { user: userColumns, role: members.role, joined_at: members.joined_at }

function toMember(row: { user: UserRow; role: Role; joined_at: number }): Member {
  return { user: toUser(row.user), role: row.role, joined_at: toIso(row.joined_at) }
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
  const readState = readStateQuery(db)

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
      return readState.get(chat_id, user_id) ?? { read_id: 0, unread_count: 0 }
    }
  }
}
