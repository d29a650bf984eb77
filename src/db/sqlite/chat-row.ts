import type { PublicChat } from '../../schemas/chat.ts'
import { toIso } from '../page.ts'
import { chats } from './tables.ts'

/** What a chat on the wire is made of. */
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
}

export type ChatRow = Pick<typeof chats.$inferSelect, keyof typeof chatColumns>

/** A chat as everybody who may know of it sees it. */
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
