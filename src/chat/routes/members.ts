import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Change } from '../../db/log.ts'
import { refuseBelow, refuseToSetMember } from '../../db/rules.ts'
import { ChatError } from '../../errors.ts'
import { Chat, ChatParams, Member, MemberParams, RoleChange } from '../../schemas/chat.ts'
import { nothing, PageQuery, page, ref, replies } from '../../schemas/common.ts'
import { refuse } from '../access.ts'
import type { ChatServices } from '../plugin.ts'
import { viewChat } from './view.ts'

const tags = ['Members']

/** Joining, leaving, and who has which role. */
const memberRoutes: FastifyPluginAsyncTypebox<ChatServices> = async (app, { log }) => {
  /** Makes a change, and tells whose role is another one by it. */
  async function append(change: Change): Promise<void> {
    const { role_changed } = await log.append(change)
    if (role_changed === undefined) return
    app.bus.publish({ type: 'role_changed', chat_id: change.chat_id, user_id: role_changed })
  }

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
      description: 'Makes me a member, which the chat is told by a `joined` message. Once more changes nothing.',
      tags,
      params: ChatParams,
      response: replies({ 200: ref(Chat) }, 400, 401, 403, 404, 503)
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
      summary: 'Who is in a chat',
      description: 'The members in the order of their accounts.',
      tags,
      params: ChatParams,
      querystring: PageQuery,
      response: replies({ 200: page(ref(Member)) }, 400, 401, 403, 404)
    },
    handler: async ({ params, query }) => app.db.members.list(params.chat_id, query)
  })

  app.route({
    method: 'PUT',
    url: '/chats/:chat_id/members/:user_id',
    // There is nothing that it must say.
    async preValidation(request) {
      request.body ??= {}
    },
    preHandler: app.access.member,
    schema: {
      operationId: 'setMember',
      summary: 'Add a member, or change a role',
      description: 'Admins add members. Owners add with any role, and change roles; the last owner stays one.',
      tags,
      params: MemberParams,
      body: RoleChange,
      response: replies({ 200: ref(Member) }, 400, 401, 403, 404, 409, 503)
    },
    async handler(request) {
      const { params, body, membership, caller } = request
      const { chat_id, user_id } = params
      const present = await app.db.members.find(chat_id, user_id)
      refuse(refuseToSetMember(membership, present?.role, body.role))
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
      summary: 'Remove a member, or leave',
      description:
        'Everybody may leave. Admins remove members, owners anybody. The sockets of who is gone close with 4403. ' +
        'When the last owner leaves, the longest-standing admin, else member, becomes one.',
      tags,
      params: MemberParams,
      response: replies({ 204: nothing('Gone') }, 400, 401, 403, 404, 503)
    },
    async handler(request, reply) {
      const { params, membership, caller } = request
      const { chat_id, user_id } = params
      if (user_id !== caller.user.id || membership.kind === 'direct') refuse(refuseBelow(membership, 'admin'))
      const { user: gone } = await memberOf(chat_id, user_id)
      const member = { id: gone.id, username: gone.username }
      await append({ type: 'leave', chat_id, user: caller.sender, member })
      return reply.code(204).send(null)
    }
  })
}

export default memberRoutes
