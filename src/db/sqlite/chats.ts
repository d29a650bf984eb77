import type { FairTurns } from '../../fair-turns.ts'
import type { Chat, Role } from '../../schemas/chat.ts'
import { inSlices, timeSlice } from '../../time-slice.ts'
import { decodeCursor, tagOf, toPage } from '../page.ts'
import type { ChatHead } from '../records.ts'
import type { ChatRepository } from '../repositories.ts'
import { toChat, toPublicChat } from '../rows.ts'
import { foldText } from '../search/fold-text.ts'
import { chatSummaries } from './chat-summaries.ts'
import { alias, and, desc, eq, isNull, ne, param, sql } from './drizzle.ts'
import type { Database } from './open.ts'
import { publicChats } from './public-chats.ts'
import { chatColumns, chats, members, users } from './tables.ts'

interface HeadRow extends ChatHead {
  /** The rowid in `members`, by which pages continue. */
  position: number
  updated_at: number
}

/** Rows of heads that one query reads. */
const HEADS_PAGE = 1000

const others = alias(members, 'others')
const peers = alias(users, 'peers')

/** Chats. `scans` shares the event loop among the scans of all requests. */
export function chatRepository(db: Database, scans: FairTurns): ChatRepository {
  const summaries = chatSummaries(db)
  const ofMembers = () =>
    db
      .select({
        chat: chatColumns,
        role: members.role,
        read_id: members.read_id,
        peer: {
          id: peers.id,
          username: peers.username,
          display_name: peers.display_name,
          created_at: peers.created_at,
          data: peers.data
        }
      })
      .from(members)
      .innerJoin(chats, eq(chats.id, members.chat_id))
      .leftJoin(
        others,
        and(eq(chats.kind, 'direct'), eq(others.chat_id, chats.id), ne(others.user_id, members.user_id))
      )
      .leftJoin(peers, eq(peers.id, others.user_id))
  const one = ofMembers()
    .where(and(eq(members.user_id, param('user_id')), eq(chats.id, param('chat_id'))))
    .prepare()
  const page = ofMembers()
    .where(
      and(
        eq(members.user_id, param('user_id')),
        sql`(${chats.updated_at}, ${chats.id}) < (${param('updated_at')}, ${param('id')})`
      )
    )
    .orderBy(desc(chats.updated_at), desc(chats.id))
    .limit(sql.placeholder('limit'))
    .prepare()

  // `+@`: see `param` in drizzle.ts.
  const heads = db.$client.prepare<[{ user_id: number; after: number }], HeadRow>(
    `select m.rowid as position, c.id as chat_id, c.seq, c.updated_at, m.read_id
     from members m join chats c on c.id = m.chat_id
     where m.user_id = +@user_id and m.rowid > +@after order by m.rowid limit ${HEADS_PAGE}`
  )

  const insertMembers = db.$client.prepare<{ chat_id: number; role: Role; ids: string; joined_at: number }>(
    `insert into members (chat_id, user_id, role, joined_at)
     select +@chat_id, value, @role, +@joined_at from json_each(@ids)`
  )

  const ids = db
    .select({ chat_id: members.chat_id })
    .from(members)
    .where(eq(members.user_id, sql.placeholder('user_id')))
    .limit(sql.placeholder('most'))
    .prepare()

  type MemberChatRow = Awaited<ReturnType<typeof one.execute>>[number]

  function view(user_id: number, { chat, role, read_id, peer }: MemberChatRow): Chat {
    const { id: chat_id, seq } = chat
    const unread_count = summaries.unreadCount(user_id, { chat_id, seq, read_id })
    return toChat(chat, { role, read_id, unread_count, last_message: summaries.lastMessage(chat_id, seq), peer })
  }

  /**
   * Creates a chat with its first members, in one transaction. Returns undefined when the direct chat exists already.
   */
  function insert(row: typeof chats.$inferInsert, people: Partial<Record<Role, number[]>>): number | undefined {
    const transaction = db.$client.transaction(() => {
      const [chat] = db.insert(chats).values(row).onConflictDoNothing().returning({ id: chats.id }).all()
      if (!chat) return undefined
      for (const [role, user_ids] of Object.entries(people) as [Role, number[]][])
        insertMembers.run({ chat_id: chat.id, role, ids: JSON.stringify(user_ids), joined_at: row.created_at })
      return chat.id
    })
    return transaction.immediate()
  }

  return {
    ...publicChats(db, scans),

    async find(chat_id, user_id) {
      const [row] = await one.execute({ user_id, chat_id })
      return row && view(user_id, row)
    },

    async describe(chat_id) {
      const [row] = await db
        .select(chatColumns)
        .from(chats)
        .where(and(eq(chats.id, chat_id), isNull(chats.deleted_at)))
      return row && toPublicChat(row)
    },

    async heads(user_id) {
      const slice = timeSlice()
      const rows: HeadRow[] = []
      for (let page = heads.all({ user_id, after: 0 }); page.length > 0; ) {
        rows.push(...page)
        await slice()
        page = page.length < HEADS_PAGE ? [] : heads.all({ user_id, after: (page.at(-1) as HeadRow).position })
      }
      rows.sort((a, b) => b.updated_at - a.updated_at)
      return rows.map(({ chat_id, seq, read_id }) => ({ chat_id, seq, read_id }))
    },

    async unread(user_id, heads) {
      return inSlices(heads, head => summaries.unreadCount(user_id, head))
    },

    async ids(user_id, most = Number.MAX_SAFE_INTEGER) {
      return (await ids.execute({ user_id, most })).map(({ chat_id }) => chat_id)
    },

    /** Only the cache knows versions. */
    async listVersion() {
      return undefined
    },

    async create(owner, { title, visibility = 'private', member_ids = [], data }) {
      const now = Date.now()
      const titles = { title, title_folded: foldText(title) }
      const created = { created_by: owner, created_at: now, updated_at: now }
      const row = { kind: 'group' as const, visibility, ...titles, data, ...created }
      return insert(row, { owner: [owner], member: member_ids.filter(id => id !== owner) }) as number
    },

    async direct(user_id, other) {
      const now = Date.now()
      // The unique key of the pair: the database refuses a second chat.
      const direct_key = `${Math.min(user_id, other)}:${Math.max(user_id, other)}`
      const row = { kind: 'direct' as const, visibility: 'private' as const, direct_key, created_by: user_id }
      const id = insert({ ...row, created_at: now, updated_at: now }, { owner: [user_id, other] })
      if (id !== undefined) return { id, created: true }
      const [existing] = await db.select({ id: chats.id }).from(chats).where(eq(chats.direct_key, direct_key))
      return { id: existing?.id as number, created: false }
    },

    async list(user_id, { limit, cursor }) {
      const tag = tagOf('chats', user_id)
      const [updated_at, id] = decodeCursor(cursor, [0, 0], tag) ?? [Number.MAX_SAFE_INTEGER, 0]
      const rows = await page.execute({ user_id, updated_at, id, limit: limit + 1 })
      const { items, ...rest } = toPage(
        rows,
        limit,
        row => row,
        ({ chat }) => [tag, chat.updated_at, chat.id]
      )
      return { items: await inSlices(items, row => view(user_id, row)), ...rest }
    }
  }
}
