import type { Role } from '../schemas/chat.ts'
import type { Database } from './database.ts'
import { foldText } from './fold.ts'
import { type Batch, batches, type Change, type Outcome, Refusal } from './log-batch.ts'
import { messageChanges } from './log-messages.ts'
import { isLocked, type Patience } from './patience.ts'
import type { MessageMeta } from './tables.ts'

export type { Change, Outcome } from './log-batch.ts'

/**
 * The append side of every chat's log. A batch is one transaction and one fsync; `seq` is taken inside it.
 * Written in plain SQL, prepared once: every message that is sent comes through here.
 */
export function logRepository(db: Database, patience: Patience) {
  const client = db.$client
  const { begin, forget } = batches(db)
  const { create, send, edit, remove, react, unreact } = messageChanges(db)
  const addMember = client.prepare(
    'insert into members (chat_id, user_id, role, read_id, joined_at) values (?, ?, ?, ?, ?) on conflict do nothing'
  )
  const removeMember = client
    .prepare<[number, number], Role>('delete from members where chat_id = ? and user_id = ? returning role')
    .pluck()
  const hasOwner = client.prepare("select 1 from members where chat_id = ? and role = 'owner' limit 1").pluck()
  const promote = client.prepare(
    `update members set role = 'owner' where chat_id = @chat_id and user_id =
     (select user_id from members where chat_id = @chat_id order by role <> 'admin', joined_at, user_id limit 1)`
  )
  const moveMarker = client.prepare(
    'update members set read_id = @id where chat_id = @chat_id and user_id = @user_id and read_id < @id'
  )
  const rename = client.prepare(
    'update chats set title = @title, title_folded = @title_folded where id = @chat_id and title <> @title'
  )

  function join(batch: Batch, asked: Change & { type: 'join' }): Outcome {
    const { chat_id, user, member, role } = asked
    const before = batch.head(chat_id)
    // A chat that everybody had left belongs to whoever comes first.
    const first = hasOwner.get(chat_id) ? role : 'owner'
    if (addMember.run(chat_id, member.id, first, before, batch.now).changes === 0) {
      return { message: undefined, fresh: false }
    }
    const meta = user.id === member.id ? null : JSON.stringify({ added_by: user.id } satisfies MessageMeta)
    return create(batch, { ...asked, user: member }, 'joined', null, { meta })
  }

  function leave(batch: Batch, asked: Change & { type: 'leave' }): Outcome {
    const { chat_id, user, member } = asked
    if (removeMember.get(chat_id, member.id) === undefined) throw new Refusal('MEMBER_NOT_FOUND')
    batch.left(chat_id, member.id)
    if (!hasOwner.get(chat_id)) promote.run({ chat_id })
    const meta = user.id === member.id ? null : JSON.stringify({ removed_by: user.id } satisfies MessageMeta)
    return create(batch, { ...asked, user: member }, 'left', null, { meta })
  }

  function retitle(batch: Batch, asked: Change & { type: 'rename' }): Outcome {
    const { chat_id, title } = asked
    const { changes } = rename.run({ chat_id, title, title_folded: foldText(title) })
    if (changes === 0) return { message: undefined, fresh: false }
    return create(batch, asked, 'renamed', title)
  }

  /** Never back, and never past the end of the chat. */
  function read(batch: Batch, { chat_id, user, id }: Change & { type: 'read' }): Outcome {
    const { changes } = moveMarker.run({ chat_id, user_id: user.id, id: Math.min(id, batch.head(chat_id)) })
    return { message: undefined, fresh: changes > 0 }
  }

  function apply(batch: Batch, asked: Change): Outcome {
    try {
      if (asked.type !== 'join') batch.needMember(asked.chat_id, asked.user.id)
      switch (asked.type) {
        case 'send':
          return send(batch, asked)
        case 'edit':
          return edit(batch, asked)
        case 'delete':
          return remove(batch, asked)
        case 'react':
          return react(batch, asked)
        case 'unreact':
          return unreact(batch, asked)
        case 'join':
          return join(batch, asked)
        case 'leave':
          return leave(batch, asked)
        case 'read':
          return read(batch, asked)
        case 'rename':
          return retitle(batch, asked)
      }
    } catch (error) {
      if (error instanceof Refusal) return { error: error.code }
      throw error
    }
  }

  const transaction = client.transaction((changes: Change[]): Outcome[] => {
    const batch = begin()
    const outcomes = changes.map(asked => apply(batch, asked))
    batch.save()
    return outcomes
  }).immediate

  return {
    /**
     * Makes these changes, durably, when the promise resolves: an outcome for each, in their order. When the database
     * fails, each is tried alone, so that one that cannot be stored does not take its neighbours with it; but not when
     * another process has held the lock for too long.
     */
    async append(changes: Change[]): Promise<Outcome[]> {
      try {
        return await patience.wait(() => transaction(changes))
      } catch (cause) {
        forget()
        if (changes.length === 1 || isLocked(cause)) return changes.map(() => ({ error: 'STORAGE_FAILED', cause }))
        return changes.map(alone => {
          try {
            return transaction([alone])[0] as Outcome
          } catch (cause) {
            forget()
            return { error: 'STORAGE_FAILED', cause }
          }
        })
      }
    }
  }
}
