import type { Role, Visibility } from '../../schemas/chat.ts'
import type { Data } from '../../schemas/data.ts'
import type { MessageKind } from '../../schemas/message.ts'
import { check, index, integer, primaryKey, sql, sqliteTable, text, uniqueIndex } from './drizzle.ts'

// Times are integer milliseconds since 1970. Every key of the hot tables begins with chat_id.
//
// A column `…_folded` holds the text of another column as `foldText` of fold.ts returns it. The server writes both
// together. NULL means "not folded yet": the server folds the text at its next start (unfolded.ts).

export const users = sqliteTable(
  'users',
  {
    // AUTOINCREMENT: an id is never given again, because messages and tokens may still mention it.
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
    // "lower id:higher id" of a direct chat's two people, so that the database refuses a second one.
    direct_key: text('direct_key').unique(),
    seq: integer('seq').notNull().default(0),
    created_by: integer('created_by')
      .notNull()
      .references(() => users.id),
    created_at: integer('created_at').notNull(),
    updated_at: integer('updated_at').notNull(),
    // Nobody finds a deleted chat any more. What was said in it leaves little by little, and the row at last.
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

/** What a message carries beside its text; never on the wire. */
export interface MessageMeta {
  /** Who added the member that a `joined` tells of, when it was somebody else. */
  added_by?: number
  /** Who removed the member that a `left` tells of, when it was somebody else. */
  removed_by?: number
  /** SHA-256 in hex of the text first sent, kept at an edit, so that a retry is still known as one. */
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
    // Only what was changed after it was created; the primary key already orders the rest by seq.
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
    // The number of the chat's log that the reaction took: reactions of a message are in its order.
    seq: integer('seq').notNull()
  },
  table => [
    primaryKey({ columns: [table.chat_id, table.message_id, table.user_id, table.emoji] }),
    // Counts the reactions of a message by emoji, and names the first ones of each.
    index('reactions_by_emoji').on(table.chat_id, table.message_id, table.emoji, table.seq, table.user_id)
  ]
)

/** What the server knows about this database file; one row. */
export const server = sqliteTable(
  'server',
  {
    id: integer('id').primaryKey(),
    // The random id of this history: 16 bytes in base64url. It changes when a backup takes the place of the database.
    epoch: text('epoch').notNull(),
    // When this file was made as a copy of another; NULL after the server has opened the copy with a new epoch.
    copied_at: integer('copied_at')
  },
  () => [check('server_has_one_row', sql`id = 1`)]
)
