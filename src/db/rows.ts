import type { Chat, Member, PublicChat, Role, Visibility } from '../schemas/chat.ts'
import type { Data } from '../schemas/data.ts'
import type { Message, MessageKind, Reaction } from '../schemas/message.ts'
import type { User } from '../schemas/user.ts'

// Rows as every database returns them, and the objects of the wire that are made of them. Times in rows are integer
// milliseconds since 1970; on the wire they are ISO 8601 strings. NULL in a row is an absent field on the wire.

/** The columns of an account that others may see. */
export interface UserRow {
  id: number
  username: string
  display_name: string
  created_at: number
  data: Data | null
}

/** The columns of a chat that go over the wire. */
export interface ChatRow {
  id: number
  kind: 'group' | 'direct'
  visibility: Visibility
  title: string | null
  seq: number
  created_by: number
  created_at: number
  updated_at: number
  data: Data | null
}

export interface MemberRow {
  user: UserRow
  role: Role
  joined_at: number
  read_id: number
}

/** The columns of a message that go over the wire, with the username of its sender. */
export interface MessageRow {
  chat_id: number
  id: number
  seq: number
  kind: MessageKind
  sender_id: number
  username: string
  text: string | null
  reply_to: number | null
  /** JSON, exactly as stored. */
  data: string | null
  created_at: number
  edited_at: number | null
  deleted_at: number | null
}

/** What a chat looks like to one member, beside the chat's own row. */
export interface MemberView {
  role: Role
  read_id: number
  unread_count: number
  last_message: Message | undefined
  /** The other user of a direct chat. */
  peer: UserRow | null
}

export function toIso(ms: number): string {
  return new Date(ms).toISOString()
}

export function toUser({ id, username, display_name, created_at, data }: UserRow): User {
  const user: User = { id, username, display_name, created_at: toIso(created_at) }
  if (data !== null) user.data = data
  return user
}

/** A chat without anything that depends on a member. */
export function toPublicChat(row: ChatRow): PublicChat {
  const chat: PublicChat = {
    id: row.id,
    kind: row.kind,
    visibility: row.visibility,
    seq: row.seq,
    created_by: row.created_by,
    created_at: toIso(row.created_at),
    updated_at: toIso(row.updated_at)
  }
  if (row.title !== null) chat.title = row.title
  if (row.data !== null) chat.data = row.data
  return chat
}

/** A chat as one of its members sees it. */
export function toChat(row: ChatRow, { role, read_id, unread_count, last_message, peer }: MemberView): Chat {
  const chat: Chat = { ...toPublicChat(row), role, read_id, unread_count }
  if (last_message) chat.last_message = last_message
  if (peer) chat.peer = toUser(peer)
  return chat
}

export function toMember({ user, role, joined_at, read_id }: MemberRow): Member {
  return { user: toUser(user), role, joined_at: toIso(joined_at), read_id }
}

/** A message with its reactions, of which there may be none. */
export function toMessage(row: MessageRow, reactions: Reaction[] = NO_REACTIONS): Message {
  const { chat_id, id, seq, kind } = row
  const message: Message = {
    chat_id,
    id,
    seq,
    kind,
    sender: { id: row.sender_id, username: row.username },
    created_at: toIso(row.created_at)
  }
  if (row.text !== null) message.message = row.text
  if (row.edited_at !== null) message.edited_at = toIso(row.edited_at)
  if (row.deleted_at !== null) message.deleted_at = toIso(row.deleted_at)
  if (row.reply_to !== null) message.reply_to = row.reply_to
  if (row.data !== null) message.data = JSON.parse(row.data)
  if (reactions.length > 0) message.reactions = reactions
  return message
}

const NO_REACTIONS: Reaction[] = []
