import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ChatAccess } from '../db/records.ts'
import { checkRole, checkSetMember, nonMemberError } from '../db/rules.ts'
import { ChatError, type ErrorCode } from '../errors.ts'
import type { Role } from '../schemas/chat.ts'

/** The access of a member to a chat. */
export interface Membership extends ChatAccess {
  role: Role
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Hooks (preHandler) that decide who may call a route with a `chat_id`. All but `visible` set `request.membership`. */
    access: {
      /** Members; all users when the chat is public. */
      visible(request: FastifyRequest): Promise<void>
      member(request: FastifyRequest): Promise<void>
      /** Admins and owners of a group. */
      admin(request: FastifyRequest): Promise<void>
      /** Owners of a group. */
      owner(request: FastifyRequest): Promise<void>
    }
  }
  interface FastifyRequest {
    /** The membership of the caller in the chat of the request. Set by the hooks of `access`. */
    membership: Membership
  }
}

/** The errors of each hook of `app.access`, for the API documents. */
export const ACCESS_ERRORS = {
  visible: ['CHAT_NOT_FOUND'],
  member: ['CHAT_NOT_FOUND', 'NOT_A_MEMBER'],
  admin: ['CHAT_NOT_FOUND', 'NOT_A_MEMBER', 'ADMIN_REQUIRED', 'DIRECT_CHAT'],
  owner: ['CHAT_NOT_FOUND', 'NOT_A_MEMBER', 'OWNER_REQUIRED', 'DIRECT_CHAT']
} as const satisfies Record<string, readonly ErrorCode[]>

function isMember(access: ChatAccess): access is Membership {
  return access.role !== null
}

/** Throws ChatError when a rule of db/rules.ts returned an error code. */
function refuse(code: ErrorCode | undefined): void {
  if (code) throw new ChatError(code)
}

/** Refuses a member who may not add another user, or change their role from `before` to `after`. */
export function requireSetMember(membership: Membership, before: Role | undefined, after: Role | undefined): void {
  refuse(checkSetMember(membership, before, after))
}

/** Refuses a member who may not remove another member, or may not leave. The transaction decides by the other's role. */
export function requireRemoveMember(membership: Membership, isSelf: boolean): void {
  if (!isSelf || membership.kind === 'direct') refuse(checkRole(membership, 'admin'))
}

/** Refuses requests early. The transaction of a change decides again, by the same rules: roles may change in between. */
async function access(app: FastifyInstance): Promise<void> {
  function chatOf({ params, query }: FastifyRequest): number {
    return (params as { chat_id?: number }).chat_id ?? (query as { chat_id: number }).chat_id
  }

  async function accessOf(request: FastifyRequest): Promise<ChatAccess> {
    const found = await app.db.members.access(chatOf(request), request.caller.user.id)
    if (!found) throw new ChatError('CHAT_NOT_FOUND')
    return found
  }

  async function visible(request: FastifyRequest): Promise<void> {
    const found = await accessOf(request)
    if (!isMember(found) && found.visibility !== 'public') refuse(nonMemberError(found))
  }

  async function member(request: FastifyRequest): Promise<void> {
    const found = await accessOf(request)
    if (!isMember(found)) throw new ChatError(nonMemberError(found))
    request.membership = found
  }

  const inGroup = (needed: 'admin' | 'owner') => async (request: FastifyRequest) => {
    await member(request)
    refuse(checkRole(request.membership, needed))
  }

  app.decorateRequest('membership')
  app.decorate('access', {
    visible,
    member,
    admin: inGroup('admin'),
    owner: inGroup('owner')
  })
}

export default fp(access, { name: 'access', dependencies: ['db', 'auth'] })
