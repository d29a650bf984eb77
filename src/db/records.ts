import type { Role, Visibility } from '../schemas/chat.ts'
import type { PageRequest } from './page.ts'

// What repositories take and return, beside the objects of the wire. Times are integer milliseconds since 1970.

/** An account as `UserRepository.create` takes it. */
export interface NewUser {
  /** In any case; stored in lower case. */
  username: string
  /** The username, in the case given, by default. */
  display_name?: string | undefined
  /** A PHC string. */
  password_hash: string
}

/** A session as it is stored. */
export interface StoredSession {
  /** 128 random bits in base64url. */
  id: string
  user_id: number
  created_at: number
  last_seen_at: number
  expires_at: number
  /** At most 256 characters. */
  user_agent: string | null
}

/** The `seq` of a chat's latest change, and how far one member has read the chat. */
export interface ChatHead {
  chat_id: number
  seq: number
  read_id: number
}

/** A chat and the role of one user in it: what access is decided on. */
export interface ChatAccess {
  kind: 'group' | 'direct'
  visibility: Visibility
  /** The number of the chat's latest change. */
  seq: number
  /** Null when the user is not a member. */
  role: Role | null
}

export interface SearchRequest extends PageRequest {
  query: string
  /** Search this chat only. */
  chat_id?: number
}
