import type { Role, Visibility } from '../../schemas/chat.ts'
import type { Data } from '../../schemas/data.ts'
import type { MessageKind } from '../../schemas/message.ts'
import type { ChatRow, UserRow } from '../rows.ts'
import { check, index, integer, primaryKey, sql, sqliteTable, text, uniqueIndex } from './drizzle.ts'

// Times are integer milliseconds since 1970. Every key of the hot tables begins with chat_id.
//
// A column `…_folded` holds the text of another column as `foldText` returns it. The server writes both together. NULL
// means "not folded yet": fold-worker.ts folds the text, at the start and in the background.

export const users = sqliteTable(
  'users',
  {
    // AUTOINCREMENT: an id is never used again, because messages and tokens may still refer to it.
    id: integer('id').primaryKey({ autoIncrement: true }),
    username: text('username').notNull().unique(),
    display_name: text('display_name').notNull(),
    password_hash: text('password_hash').notNull(),
    created_at: integer('created_at').notNull(),
    display_name_folded: text('display_name_folded'),
    data: text('data', { mode: 'json' }).$type<Data>()
  },
  table => [index('users_display_name_folded').on(table.display_name_folded, table.username)]
)

/** The columns of an account that others may see. */
export const userColumns = {
  id: users.id,
  username: users.username,
  display_name: users.display_name,
  created_at: users.created_at,
  data: users.data
} satisfies Record<keyof UserRow, unknown>

export const sessions = sqliteTable(
  'sessions',
  {
    id: text('id').primaryKey(),
    user_id: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    created_at: integer('created_at').notNull(),
    last_seen_at: integer('last_seen_at').notNull(),
    expires_at: integer('expires_at').notNull(),
    user_agent: text('user_agent')
  },
  table => [index('sessions_user_id').on(table.user_id)]
)

export const chats = sqliteTable(
  'chats',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    kind: text('kind').$type<'group' | 'direct'>().notNull(),
    visibility: text('visibility').$type<Visibility>().notNull(),
    title: text('title'),
    // "lower id:higher id" of the two users of a direct chat: UNIQUE refuses a second chat of the same users.
    direct_key: text('direct_key').unique(),
    seq: integer('seq').notNull().default(0),
    created_by: integer('created_by')
      .notNull()
      .references(() => users.id),
    created_at: integer('created_at').notNull(),
    updated_at: integer('updated_at').notNull(),
    // A deleted chat is private and has no members. purge.ts deletes its messages piece by piece, and then this row.
    deleted_at: integer('deleted_at'),
    title_folded: text('title_folded'),
    data: text('data', { mode: 'json' }).$type<Data>()
  },
  table => [
    index('chats_deleted').on(table.id).where(sql`deleted_at is not null`),
    index('chats_public').on(table.id).where(sql`visibility = 'public'`),
    index('chats_unfolded').on(table.id).where(sql`title_folded is null and title is not null`)
  ]
)

/** The columns of a chat that go over the wire. */
export const chatColumns = {
  id: chats.id,
  kind: chats.kind,
  visibility: chats.visibility,
  title: chats.title,
  seq: chats.seq,
  created_by: chats.created_by,
  created_at: chats.created_at,
  updated_at: chats.updated_at,
  data: chats.data
} satisfies Record<keyof ChatRow, unknown>

export const members = sqliteTable(
  'members',
  {
    chat_id: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    user_id: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    role: text('role').$type<Role>().notNull(),
    read_id: integer('read_id').notNull().default(0),
    joined_at: integer('joined_at').notNull()
  },
  table => [primaryKey({ columns: [table.chat_id, table.user_id] }), index('members_user_id').on(table.user_id)]
)

/** What is stored with a message and never goes over the wire. */
export interface MessageMeta {
  /** In a `joined` message: the user who added the member; absent when the member joined. */
  added_by?: number
  /** In a `left` message: the user who removed the member; absent when the member left. */
  removed_by?: number
  /** `contentDigest` of the first text and `data`, stored by an edit: a retry of the send is still recognized. */
  first_text?: string
}

export const messages = sqliteTable(
  'messages',
  {
    chat_id: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    id: integer('id').notNull(),
    seq: integer('seq').notNull(),
    kind: text('kind').$type<MessageKind>().notNull(),
    sender_id: integer('sender_id')
      .notNull()
      .references(() => users.id),
    client_id: text('client_id'),
    text: text('text'),
    reply_to: integer('reply_to'),
    meta: text('meta', { mode: 'json' }).$type<MessageMeta>(),
    created_at: integer('created_at').notNull(),
    edited_at: integer('edited_at'),
    deleted_at: integer('deleted_at'),
    data: text('data', { mode: 'json' }).$type<Data>()
  },
  table => [
    primaryKey({ columns: [table.chat_id, table.id] }),
    // Only messages that were changed after they were created: the primary key already orders the others by seq.
    uniqueIndex('messages_changed').on(table.chat_id, table.seq).where(sql`seq > id`),
    uniqueIndex('messages_client_id')
      .on(table.chat_id, table.sender_id, table.client_id)
      .where(sql`client_id is not null`)
  ]
)

export const reactions = sqliteTable(
  'reactions',
  {
    chat_id: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    message_id: integer('message_id').notNull(),
    user_id: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    emoji: text('emoji').notNull(),
    created_at: integer('created_at').notNull(),
    // The number of the chat's log that the reaction took. Reactions of a message are ordered by it.
    seq: integer('seq').notNull()
  },
  table => [
    primaryKey({ columns: [table.chat_id, table.message_id, table.user_id, table.emoji] }),
    // Covers two queries: the count for each emoji of a message, and the first users of each emoji.
    index('reactions_by_emoji').on(table.chat_id, table.message_id, table.emoji, table.seq, table.user_id)
  ]
)

/** Facts about this database file; one row. */
export const server = sqliteTable(
  'server',
  {
    id: integer('id').primaryKey(),
    // The random id of this history: 16 bytes in base64url. It changes when a backup is restored.
    epoch: text('epoch').notNull(),
    // When this file was created as a copy of another; NULL after the server has opened the copy with a new epoch.
    copied_at: integer('copied_at')
  },
  () => [check('server_has_one_row', sql`id = 1`)]
)
