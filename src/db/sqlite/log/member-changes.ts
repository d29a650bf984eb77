import type { Role } from '../../../schemas/chat.ts'
import { refuseStranger, refuseToRemove, refuseToSetMember } from '../../rules.ts'
import type { Database } from '../open.ts'
import type { MessageMeta } from '../tables.ts'
import { type Batch, type Change, type Done, Refusal, refuse } from './batch.ts'
import type { Create } from './message-changes.ts'

type Of<Type extends Change['type']> = Change & { type: Type }

/** The changes of the log that concern who is in a chat and as what, inside its transaction. They throw Refusal. */
export function memberChanges({ $client }: Database, create: Create) {
  const add = $client.prepare('insert into members (chat_id, user_id, role, read_id, joined_at) values (?, ?, ?, ?, ?)')
  const remove = $client.prepare('delete from members where chat_id = ? and user_id = ?')
  const setRole = $client.prepare('update members set role = ? where chat_id = ? and user_id = ?')
  const owners = $client
    .prepare<[number], number>("select user_id from members where chat_id = ? and role = 'owner' limit 2")
    .pluck()
  const longest = $client
    .prepare<[number], number>(
      "select user_id from members where chat_id = ? order by role <> 'admin', joined_at, user_id limit 1"
    )
    .pluck()
  const moveMarker = $client.prepare(
    'update members set read_id = @id where chat_id = @chat_id and user_id = @user_id and read_id < @id'
  )

  /** Makes somebody a member. A chat that everybody had left belongs to whoever comes first. */
  function enter(batch: Batch, change: Of<'join' | 'set_member'>, member: Change['user'], role: Role): Done {
    const { chat_id, user } = change
    const given = owners.get(chat_id) === undefined ? 'owner' : role
    const { seq, roles } = batch.head(chat_id)
    add.run(chat_id, member.id, given, seq, batch.time(chat_id).ms)
    roles.set(member.id, given)
    const meta: MessageMeta | undefined = user.id === member.id ? undefined : { added_by: user.id }
    return create(batch, { ...change, user: member }, 'joined', null, { meta })
  }

  function join(batch: Batch, change: Of<'join'>): Done {
    const { chat_id, user } = change
    if (batch.role(chat_id, user.id)) return UNCHANGED
    const head = batch.head(chat_id)
    if (head.visibility !== 'public') throw new Refusal(refuseStranger(head))
    return enter(batch, change, user, 'member')
  }

  function setMember(batch: Batch, change: Of<'set_member'>): Done {
    const { chat_id, user, member, role } = change
    const before = batch.role(chat_id, member.id)
    refuse(refuseToSetMember(batch.rights(chat_id, user.id), before, role))
    if (!before) return enter(batch, change, member, role ?? 'member')
    if (!role || role === before) return UNCHANGED
    if (before === 'owner' && owners.all(chat_id).length === 1) throw new Refusal('LAST_OWNER')
    return changeRole(batch, chat_id, member.id, role)
  }

  function changeRole(batch: Batch, chat_id: number, user_id: number, role: Role): Done {
    setRole.run(role, chat_id, user_id)
    batch.head(chat_id).roles.set(user_id, role)
    return { message: undefined, fresh: true, role_changed: user_id }
  }

  function leave(batch: Batch, change: Of<'leave'>): Done {
    const { chat_id, user, member } = change
    const rights = batch.rights(chat_id, user.id)
    const role = batch.role(chat_id, member.id)
    if (!role) throw new Refusal('MEMBER_NOT_FOUND')
    if (user.id !== member.id) refuse(refuseToRemove(rights, role))
    else if (rights.kind === 'direct') throw new Refusal('DIRECT_CHAT')
    remove.run(chat_id, member.id)
    batch.head(chat_id).roles.set(member.id, undefined)
    const next = owners.get(chat_id) === undefined ? longest.get(chat_id) : undefined
    const promotion = next === undefined ? undefined : changeRole(batch, chat_id, next, 'owner')
    const meta: MessageMeta | undefined = user.id === member.id ? undefined : { removed_by: user.id }
    return { ...promotion, ...create(batch, { ...change, user: member }, 'left', null, { meta }) }
  }

  /** Never back, and never past the end of the chat. */
  function read(batch: Batch, { chat_id, user, id }: Of<'read'>): Done {
    batch.rights(chat_id, user.id)
    const read_id = Math.min(id, batch.head(chat_id).seq)
    const { changes } = moveMarker.run({ chat_id, user_id: user.id, id: read_id })
    return changes > 0 ? { message: undefined, fresh: true, read_id } : UNCHANGED
  }

  return { join, setMember, leave, read }
}

const UNCHANGED: Done = { message: undefined, fresh: false }
