import type { Role } from '../../../schemas/chat.ts'
import { type ChangeOf, Refusal, refuseIf, type Success } from '../../changes.ts'
import {
  checkChangeOfRole,
  checkJoin,
  checkLeave,
  checkRemoveMember,
  checkSetMember,
  roleOfNewMember
} from '../../rules.ts'
import type { Database } from '../open.ts'
import type { MessageMeta } from '../tables.ts'
import type { Batch } from './batch.ts'
import type { CreateMessage } from './message-changes.ts'

/** The changes of the log that concern members. They run inside its transaction and throw Refusal. */
export function memberChanges({ $client }: Database, create: CreateMessage) {
  const insert = $client.prepare(
    'insert into members (chat_id, user_id, role, read_id, joined_at) values (?, ?, ?, ?, ?)'
  )
  const remove = $client.prepare('delete from members where chat_id = ? and user_id = ?')
  const updateRole = $client.prepare('update members set role = ? where chat_id = ? and user_id = ?')
  const twoOwners = $client
    .prepare<[number], number>("select user_id from members where chat_id = ? and role = 'owner' limit 2")
    .pluck()
  /** The member who becomes owner when the last owner leaves: admins first, then by the time of joining. */
  const nextOwner = $client
    .prepare<[number], number>(
      "select user_id from members where chat_id = ? order by role <> 'admin', joined_at, user_id limit 1"
    )
    .pluck()
  const updateReadMarker = $client.prepare(
    'update members set read_id = @id where chat_id = @chat_id and user_id = @user_id and read_id < @id'
  )

  const hasOwner = (chat_id: number) => twoOwners.get(chat_id) !== undefined

  function addMember(
    batch: Batch,
    change: ChangeOf<'join' | 'set_member'>,
    member: ChangeOf<'join'>['user'],
    requested: Role
  ): Success {
    const { chat_id, user } = change
    const role = roleOfNewMember(hasOwner(chat_id), requested)
    const { seq, roles } = batch.head(chat_id)
    insert.run(chat_id, member.id, role, seq, batch.timestamp(chat_id).ms)
    roles.set(member.id, role)
    const meta: MessageMeta | undefined = user.id === member.id ? undefined : { added_by: user.id }
    return create(batch, { ...change, user: member }, 'joined', null, { meta })
  }

  function join(batch: Batch, change: ChangeOf<'join'>): Success {
    const { chat_id, user } = change
    if (batch.role(chat_id, user.id)) return UNCHANGED
    refuseIf(checkJoin(batch.head(chat_id)))
    return addMember(batch, change, user, 'member')
  }

  function setMember(batch: Batch, change: ChangeOf<'set_member'>): Success {
    const { chat_id, user, member, role } = change
    const before = batch.role(chat_id, member.id)
    refuseIf(checkSetMember(batch.rights(chat_id, user.id), before, role))
    if (!before) return addMember(batch, change, member, role ?? 'member')
    if (!role || role === before) return UNCHANGED
    refuseIf(checkChangeOfRole(before, twoOwners.all(chat_id).length))
    return setRole(batch, chat_id, member.id, role)
  }

  function setRole(batch: Batch, chat_id: number, user_id: number, role: Role): Success {
    updateRole.run(role, chat_id, user_id)
    batch.head(chat_id).roles.set(user_id, role)
    return { message: undefined, changed: true, role_changed: user_id }
  }

  function leave(batch: Batch, change: ChangeOf<'leave'>): Success {
    const { chat_id, user, member } = change
    const rights = batch.rights(chat_id, user.id)
    const role = batch.role(chat_id, member.id)
    if (!role) throw new Refusal('MEMBER_NOT_FOUND')
    refuseIf(user.id === member.id ? checkLeave(rights) : checkRemoveMember(rights, role))
    remove.run(chat_id, member.id)
    batch.head(chat_id).roles.set(member.id, undefined)
    const promoted = hasOwner(chat_id) ? undefined : nextOwner.get(chat_id)
    const promotion = promoted === undefined ? undefined : setRole(batch, chat_id, promoted, 'owner')
    const meta: MessageMeta | undefined = user.id === member.id ? undefined : { removed_by: user.id }
    return { ...promotion, ...create(batch, { ...change, user: member }, 'left', null, { meta }) }
  }

  /** The marker never moves back, and never past the end of the chat. */
  function moveReadMarker(batch: Batch, { chat_id, user, id }: ChangeOf<'read'>): Success {
    batch.requireMember(chat_id, user.id)
    const read_id = Math.min(id, batch.head(chat_id).seq)
    const { changes } = updateReadMarker.run({ chat_id, user_id: user.id, id: read_id })
    return changes > 0 ? { message: undefined, changed: true, read_id } : UNCHANGED
  }

  return { join, setMember, leave, moveReadMarker }
}

const UNCHANGED: Success = { message: undefined, changed: false }
