import type { ErrorCode } from '../errors.ts'
import { ROLES, type Role, type Visibility } from '../schemas/chat.ts'

// Who may do what in a chat: pure decisions. Routes make them early, to refuse without waiting. The transaction of a
// change makes them again, on what is true then.

/** What a member's rights depend on. */
export interface Rights {
  kind: 'group' | 'direct'
  role: Role
}

/** Why somebody who is not a member may not act in a chat. Strangers may not even know of a private one. */
export function refuseStranger({ visibility }: { visibility: Visibility }): ErrorCode {
  return visibility === 'public' ? 'NOT_A_MEMBER' : 'CHAT_NOT_FOUND'
}

/** Whether `role` may do what `needed` may. */
export function atLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** Why a member may not do what takes this role. In a direct chat, nobody may. */
export function refuseBelow({ kind, role }: Rights, needed: 'admin' | 'owner'): ErrorCode | undefined {
  if (kind === 'direct') return 'DIRECT_CHAT'
  if (atLeast(role, needed)) return undefined
  return needed === 'admin' ? 'ADMIN_REQUIRED' : 'OWNER_REQUIRED'
}

/**
 * Why a member may not add somebody, or change their role. `before` is that user's role until now, undefined when they
 * are no member; `after` is the role to give, undefined when it stays as it is.
 */
export function refuseToSetMember(rights: Rights, before: Role | undefined, after: Role | undefined) {
  const changes = after !== undefined && after !== (before ?? 'member')
  return refuseBelow(rights, 'admin') ?? (changes ? refuseBelow(rights, 'owner') : undefined)
}

/** Why a member may not remove somebody else, who has this role. */
export function refuseToRemove(rights: Rights, role: Role): ErrorCode | undefined {
  return refuseBelow(rights, role === 'member' ? 'admin' : 'owner')
}

/** Why a member may not delete what somebody else sent. */
export function refuseToDelete({ kind, role }: Rights): ErrorCode | undefined {
  return kind === 'group' && atLeast(role, 'admin') ? undefined : 'ADMIN_REQUIRED'
}
