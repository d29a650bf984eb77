import type { FairTurns } from '../../fair-turns.ts'
import { Recent } from '../../recent.ts'
import type { Chat, NewChat, PublicChat, Role } from '../../schemas/chat.ts'
import type { Page } from '../../schemas/common.ts'
import type { Message } from '../../schemas/message.ts'
import { inSlices, timeSlice } from '../../time-slice.ts'
import { decodeCursor, type PageRequest, tagOf, toPage } from '../page.ts'
import { foldText } from '../search/fold-text.ts'
import { type ChatRow, chatColumns, toPublicChat } from './chat-row.ts'
import { alias, and, desc, eq, isNull, ne, param, sql } from './drizzle.ts'
import { unreadQuery } from './members.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader } from './message-row.ts'
import type { Database } from './open.ts'
import { publicChats } from './public-chats.ts'
import { chats, members, users } from './tables.ts'
import { toUser } from './users.ts'

/** What a member has not read of a chat, as of the number `seq` and the read marker `read_id`. */
interface Read {
  seq: number
  read_id: number
  unread_count: number
}

/** The latest message of a chat as of the number `seq`. */
interface Latest {
  seq: number
  message: Message | undefined
}

/** How far a chat has come, and how far one of its members has read it. */
export interface Head {
  chat_id: number
  /** The number of the latest change. */
  seq: number
  read_id: number
}

interface HeadRow extends Head {
  position: number
  updated_at: number
}

/** Rows of heads that are read at once. */
const HEADS = 1000
/** So much of both is remembered. */
const READS = 10_000
const LATEST_CHARACTERS = 8 * 1024 * 1024

const others = alias(members, 'others')
const peers = alias(users, 'peers')

/** Chats as their members and as strangers see them. */
export function chatsRepository(db: Database, scans: FairTurns) {
  const read = messageReader(db)

  const latest = db.$client.prepare<[number], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER} where m.chat_id = +? order by m.id desc limit 1`
  )
  const unread = unreadQuery(db)
  const ofUser = () =>
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
  const own = ofUser()
    .where(and(eq(members.user_id, param('user_id')), eq(chats.id, param('chat_id'))))
    .prepare()
  const ownPage = ofUser()
    .where(
      and(
        eq(members.user_id, param('user_id')),
        sql`(${chats.updated_at}, ${chats.id}) < (${param('updated_at')}, ${param('id')})`
      )
    )
    .orderBy(desc(chats.updated_at), desc(chats.id))
    .limit(sql.placeholder('limit'))
    .prepare()

  // `+?`: see `param` in drizzle.ts.
  const heads = db.$client.prepare<[{ user_id: number; after: number }], HeadRow>(
    `select m.rowid as position, c.id as chat_id, c.seq, c.updated_at, m.read_id
     from members m join chats c on c.id = m.chat_id
     where m.user_id = +@user_id and m.rowid > +@after order by m.rowid limit ${HEADS}`
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

  type OwnRow = Awaited<ReturnType<typeof own.execute>>[number]

  const reads = new Recent<Read>(READS)
  const latests = new Recent<Latest>(LATEST_CHARACTERS, latest => 500 + JSON.stringify(latest).length)

  /** How much of a chat a member has not read; the same until the chat goes on or the member reads on. */
  function unreadOf(user_id: number, { chat_id, seq, read_id }: Head): number {
    if (read_id >= seq) return 0
    const key = `${chat_id}:${user_id}`
    const known = reads.get(key)
    if (known?.seq === seq && known.read_id === read_id) return known.unread_count
    const unread_count = unread.get({ chat_id, user_id, read_id, until: seq }) as number
    reads.set(key, { seq, read_id, unread_count })
    return unread_count
  }

  /** The latest message of a chat; the same until the chat goes on. */
  function latestOf({ id, seq }: ChatRow): Message | undefined {
    const key = String(id)
    const known = latests.get(key)
    if (known?.seq === seq) return known.message
    const row = latest.get(id)
    const message = row && read(row)
    latests.set(key, { seq, message })
    return message
  }

  /** A chat as one of its members sees it, with its latest message and, when it is direct, the other person. */
  function toChat(user_id: number, row: OwnRow): Chat {
    const unread_count = unreadOf(user_id, { chat_id: row.chat.id, seq: row.chat.seq, read_id: row.read_id })
    const last_message = latestOf(row.chat)
    const chat: Chat = { ...toPublicChat(row.chat), role: row.role, read_id: row.read_id, unread_count }
    if (last_message) chat.last_message = last_message
    if (row.peer) chat.peer = toUser(row.peer)
    return chat
  }

  /** Makes a chat with its first members, all of it or nothing. Returns its id; undefined when the pair has one. */
  function insert(row: typeof chats.$inferInsert, people: Partial<Record<Role, number[]>>): number | undefined {
    const make = () => {
      const [chat] = db.insert(chats).values(row).onConflictDoNothing().returning({ id: chats.id }).all()
      if (!chat) return undefined
      for (const [role, ids] of Object.entries(people) as [Role, number[]][])
        insertMembers.run({ chat_id: chat.id, role, ids: JSON.stringify(ids), joined_at: row.created_at })
      return chat.id
    }
    return db.$client.transaction(make).immediate()
  }

  return {
    ...publicChats(db, scans),

    /** A chat as its member sees it; undefined when the user is none. */
    async find(chat_id: number, user_id: number): Promise<Chat | undefined> {
      const [row] = await own.execute({ user_id, chat_id })
      return row && toChat(user_id, row)
    },

    /** A chat as everybody who may know of it sees it. */
    async describe(chat_id: number): Promise<PublicChat | undefined> {
      const [row] = await db.select(chatColumns).from(chats).where(existing(chat_id))
      return row && toPublicChat(row)
    },

    /** The chats of a user, latest activity first, how far each has come and how far the user has read it. */
    async heads(user_id: number): Promise<Head[]> {
      const slice = timeSlice()
      const rows: HeadRow[] = []
      for (let page = heads.all({ user_id, after: 0 }); page.length > 0; ) {
        rows.push(...page)
        await slice()
        page = page.length < HEADS ? [] : heads.all({ user_id, after: (page.at(-1) as HeadRow).position })
      }
      rows.sort((a, b) => b.updated_at - a.updated_at)
      return rows.map(({ chat_id, seq, read_id }) => ({ chat_id, seq, read_id }))
    },

    /** How many messages of others a user has not read in these chats, up to the number of each; 100 at most. */
    async unread(user_id: number, heads: Head[]): Promise<number[]> {
      return inSlices(heads, head => unreadOf(user_id, head))
    },

    /** The chats of a user, `most` of them. */
    async ids(user_id: number, most = Number.MAX_SAFE_INTEGER): Promise<number[]> {
      return (await ids.execute({ user_id, most })).map(({ chat_id }) => chat_id)
    },

    /** A new group of which `owner` is the owner and `member_ids` (accounts that exist) are members. Returns its id. */
    async create(owner: number, { title, visibility = 'private', member_ids = [], data }: NewChat): Promise<number> {
      const now = Date.now()
      const titles = { title, title_folded: foldText(title) }
      const made = { created_by: owner, created_at: now, updated_at: now }
      const row = { kind: 'group' as const, visibility, ...titles, data, ...made }
      return insert(row, { owner: [owner], member: member_ids.filter(id => id !== owner) }) as number
    },

    /** The direct chat of two users, made when they have none; the database lets a pair have one only. */
    async direct(user_id: number, other: number): Promise<{ id: number; created: boolean }> {
      const now = Date.now()
      const direct_key = `${Math.min(user_id, other)}:${Math.max(user_id, other)}`
      const row = { kind: 'direct' as const, visibility: 'private' as const, direct_key, created_by: user_id }
      const created = insert({ ...row, created_at: now, updated_at: now }, { owner: [user_id, other] })
      if (created !== undefined) return { id: created, created: true }
      const [existing] = await db.select({ id: chats.id }).from(chats).where(eq(chats.direct_key, direct_key))
      return { id: existing?.id as number, created: false }
    },

    /** The chats of a user, latest activity first. Throws INVALID_CURSOR. */
    async list(user_id: number, { limit, cursor }: PageRequest): Promise<Page<Chat>> {
      const tag = tagOf('chats', user_id)
      const [updated_at, id] = decodeCursor(cursor, [0, 0], tag) ?? [Number.MAX_SAFE_INTEGER, 0]
      const rows = await ownPage.execute({ user_id, updated_at, id, limit: limit + 1 })
      const page = toPage(
        rows,
        limit,
        row => row,
        ({ chat }) => [tag, chat.updated_at, chat.id]
      )
      return { ...page, items: await inSlices(page.items, row => toChat(user_id, row)) }
    }
  }
}

/** A chat that has not been deleted. */
function existing(chat_id: number) {
  return and(eq(chats.id, chat_id), isNull(chats.deleted_at))
}
