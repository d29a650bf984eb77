import { createHash } from 'node:crypto'
import type { ErrorCode } from '../errors.ts'
import { ROLES, type Role, type Visibility } from '../schemas/chat.ts'
import type { Data } from '../schemas/data.ts'
import type { MessageKind } from '../schemas/message.ts'

// Who may do what in a chat, and what counts as a repetition: pure decisions, shared by all databases. The transaction
// of a change decides by these rules, on the data that holds then. chat/access.ts uses them too, to refuse a request
// early.
//
// A function `check…` returns the error code of the refusal, or undefined when the user may make the change.

/** Different emoji on one message. */
export const EMOJI_PER_MESSAGE = 20

/** What the rights of a member depend on. */
export interface Rights {
  kind: 'group' | 'direct'
  role: Role
}

/** What the rules need to know of a stored message. */
export interface RuledMessage {
  kind: MessageKind
  sender_id: number
  deleted_at: number | null
}

/** The content of a stored message, and how its first content is known after an edit. */
export interface StoredContent {
  text: string | null
  /** JSON, exactly as stored. */
  data: string | null
  /** `contentDigest` of the first content; undefined when the message was never edited. */
  first_digest: string | undefined
}

/** The error for a user who is not a member. Strangers must not learn that a private chat exists. */
export function nonMemberError({ visibility }: { visibility: Visibility }): ErrorCode {
  return visibility === 'public' ? 'NOT_A_MEMBER' : 'CHAT_NOT_FOUND'
}

/** Whether `role` includes all rights of `needed`. */
export function atLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** Checks a change of a group that needs this role. Nobody may make such a change in a direct chat. */
export function checkRole({ kind, role }: Rights, needed: 'admin' | 'owner'): ErrorCode | undefined {
  if (kind === 'direct') return 'DIRECT_CHAT'
  if (atLeast(role, needed)) return undefined
  return needed === 'admin' ? 'ADMIN_REQUIRED' : 'OWNER_REQUIRED'
}

/** Checks that a user who is not a member joins a chat. */
export function checkJoin(chat: { visibility: Visibility }): ErrorCode | undefined {
  return chat.visibility === 'public' ? undefined : nonMemberError(chat)
}

/** The role of a new member. A chat that all owners have left belongs to the next user who becomes a member. */
export function roleOfNewMember(hasOwner: boolean, role: Role): Role {
  return hasOwner ? role : 'owner'
}

/**
 * Checks that a member adds another user, or changes their role. `before` is the role until now, undefined for a user
 * who is not a member. `after` is the requested role; undefined keeps the role, and adds a new member as `member`.
 */
export function checkSetMember(
  rights: Rights,
  before: Role | undefined,
  after: Role | undefined
): ErrorCode | undefined {
  const changesRole = after !== undefined && after !== (before ?? 'member')
  return checkRole(rights, 'admin') ?? (changesRole ? checkRole(rights, 'owner') : undefined)
}

/** Checks that an owner takes another role: a chat with members keeps an owner. */
export function checkChangeOfRole(before: Role, owners: number): ErrorCode | undefined {
  return before === 'owner' && owners === 1 ? 'LAST_OWNER' : undefined
}

/** Checks that a member leaves. */
export function checkLeave({ kind }: Rights): ErrorCode | undefined {
  return kind === 'direct' ? 'DIRECT_CHAT' : undefined
}

/** Checks that a member removes another member, who has this role. */
export function checkRemoveMember(rights: Rights, role: Role): ErrorCode | undefined {
  return checkRole(rights, role === 'member' ? 'admin' : 'owner')
}

/** Checks that a member edits a message. */
export function checkEdit({ kind, sender_id, deleted_at }: RuledMessage, user_id: number): ErrorCode | undefined {
  if (kind !== 'text') return 'NOT_EDITABLE'
  if (sender_id !== user_id) return 'NOT_THE_SENDER'
  return deleted_at === null ? undefined : 'MESSAGE_DELETED'
}

/** Checks that a member deletes a message. To delete a deleted message again is allowed, and changes nothing. */
export function checkDelete(message: RuledMessage, user_id: number, rights: Rights): ErrorCode | undefined {
  if (message.kind !== 'text') return 'NOT_EDITABLE'
  if (message.sender_id === user_id) return undefined
  return rights.kind === 'group' && atLeast(rights.role, 'admin') ? undefined : 'ADMIN_REQUIRED'
}

/** Checks that a member adds or removes a reaction. */
export function checkReact({ deleted_at }: Pick<RuledMessage, 'deleted_at'>): ErrorCode | undefined {
  return deleted_at === null ? undefined : 'MESSAGE_DELETED'
}

/** Checks that a message with these emoji gets a reaction with `emoji`. */
export function checkEmoji(emoji: string, present: readonly string[]): ErrorCode | undefined {
  return present.length < EMOJI_PER_MESSAGE || present.includes(emoji) ? undefined : 'TOO_MANY_REACTIONS'
}

/**
 * Checks that a send repeats the first send with the same `client_id`: its text and `data` must equal those of the
 * first send, even when the message was edited since. The content of a deleted message is gone: every send repeats it.
 */
export function checkRepetition(first: StoredContent, text: string, data: Data | undefined): ErrorCode | undefined {
  if (first.text === null) return undefined
  const json = data === undefined ? null : JSON.stringify(data)
  // Most retries are equal byte by byte. Sorting the keys of `data` takes much longer than this comparison.
  if (first.first_digest === undefined && first.text === text && first.data === json) return undefined
  const digest = first.first_digest ?? contentDigest(first.text, first.data)
  return digest === contentDigest(text, json) ? undefined : 'CLIENT_ID_REUSED'
}

/**
 * SHA-256 in hex of a text and of `data` with its keys sorted. Equal for messages that say the same. A text never
 * contains U+0000, so a text alone cannot have the digest of a text with `data`.
 */
export function contentDigest(text: string | null, data: string | null): string {
  return createHash('sha256')
    .update(data === null ? (text ?? '') : `${text}\0${withSortedKeys(data)}`)
    .digest('hex')
}

/** The same JSON with sorted keys: a client that builds an object again may add the keys in another order. */
function withSortedKeys(json: string): string {
  const sortKeys = (_key: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return JSON.stringify(JSON.parse(json), sortKeys)
}
