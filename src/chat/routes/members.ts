import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Change } from '../../db/changes.ts'
import { ChatError } from '../../errors.ts'
import { Chat, ChatParams, Member, MemberParams, RoleChange } from '../../schemas/chat.ts'
import { nothing, PageQuery, page, ref } from '../../schemas/common.ts'
import { ACCESS_ERRORS, requireRemoveMember, requireSetMember } from '../access.ts'
import type { ChatServices } from '../services.ts'
import { viewChat } from './view.ts'

const tags = ['Members']

/** Joining and leaving chats, and roles. */
const memberRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  /** Appends a change, and publishes whose role it has changed. */
  async function append(change: Change): Promise<void> {
    const { role_changed } = await log.append(change)
    if (role_changed === undefined) return
    app.bus.publish({ type: 'role_changed', chat_id: change.chat_id, user_id: role_changed })
  }

  /** Throws MEMBER_NOT_FOUND when the user is not a member. */
  async function memberOf(chat_id: number, user_id: number): Promise<Member> {
    const member = await app.db.members.find(chat_id, user_id)
    if (!member) throw new ChatError('MEMBER_NOT_FOUND')
    return member
  }

  app.route({
    method: 'POST',
    url: '/chats/:chat_id/join',
    preHandler: app.access.visible,
    schema: {
      operationId: 'joinChat',
      summary: 'Join a public chat',
      description:
        'Makes you a member and adds a `joined` message to the chat. Changes nothing when you are a member already.',
      tags,
      params: ChatParams,
      response: { 200: ref(Chat) },
      errors: [...ACCESS_ERRORS.visible]
    },
    async handler(request) {
      const { chat_id } = request.params
      const user = request.caller.sender
      await append({ type: 'join', chat_id, user })
      return viewChat(app, chat_id, user.id)
    }
  })

  app.route({
    method: 'GET',
    url: '/chats/:chat_id/members',
    preHandler: app.access.member,
    schema: {
      operationId: 'listMembers',
      summary: 'List members',
      description: 'Lists the members of a chat in the order of their account ids.',
      tags,
      params: ChatParams,
      querystring: PageQuery,
      response: { 200: page(ref(Member)) },
      errors: [...ACCESS_ERRORS.member]
    },
    handler: async ({ params, query }) => app.db.members.list(params.chat_id, query)
  })

  app.route({
    method: 'PUT',
    url: '/chats/:chat_id/members/:user_id',
    preHandler: app.access.member,
    schema: {
      operationId: 'setMember',
      summary: 'Add a member or change a role',
      description:
        'Admins add members. Owners also give and change roles. The last owner of a chat cannot take another role. The body is optional.',
      tags,
      params: MemberParams,
      body: RoleChange,
      response: { 200: ref(Member) },
      errors: [...ACCESS_ERRORS.admin, 'OWNER_REQUIRED', 'USER_NOT_FOUND', 'MEMBER_NOT_FOUND', 'LAST_OWNER']
    },
    async handler(request) {
      const { params, body, membership, caller } = request
      const { chat_id, user_id } = params
      const present = await app.db.members.find(chat_id, user_id)
      requireSetMember(membership, present?.role, body.role)
      const user = present?.user ?? (await app.db.users.find(user_id))
      if (!user) throw new ChatError('USER_NOT_FOUND')
      const member = { id: user.id, username: user.username }
      await append({ type: 'set_member', chat_id, user: caller.sender, member, role: body.role })
      return memberOf(chat_id, user_id)
    }
  })

  app.route({
    method: 'DELETE',
    url: '/chats/:chat_id/members/:user_id',
    preHandler: app.access.member,
    schema: {
      operationId: 'removeMember',
      summary: 'Remove a member or leave',
      description:
        'Everybody may leave a group. Admins remove members, owners remove anybody. The sockets of the removed account are closed with 4403. When the last owner leaves, the longest-standing admin, else member, becomes owner.',
      tags,
      params: MemberParams,
      response: { 204: nothing('Gone') },
      errors: [...ACCESS_ERRORS.admin, 'OWNER_REQUIRED', 'MEMBER_NOT_FOUND']
    },
    async handler(request, reply) {
      const { params, membership, caller } = request
      const { chat_id, user_id } = params
      requireRemoveMember(membership, user_id === caller.user.id)
      const { user: gone } = await memberOf(chat_id, user_id)
      const member = { id: gone.id, username: gone.username }
      await append({ type: 'leave', chat_id, user: caller.sender, member })
      return reply.code(204).send(null)
    }
  })
}

export default memberRoutes
