import { inSlices } from '../../../time-slice.ts'
import { refuseBelow } from '../../rules.ts'
import { foldText } from '../../search/fold-text.ts'
import { isLocked, type Patience } from '../busy-retry.ts'
import type { Database } from '../open.ts'
import { type Batch, batches, type Change, type Done, type Outcome, Refusal, refuse } from './batch.ts'
import { memberChanges } from './member-changes.ts'
import { messageChanges } from './message-changes.ts'

export type { Change, Done, Outcome } from './batch.ts'

/**
 * The append side of every chat's log. A batch is one transaction and one fsync; `seq` is taken inside it, and who may do
 * what is decided there. Written in plain SQL, prepared once: every message that is sent comes through here.
 */
export function logRepository(db: Database, patience: Patience) {
  const client = db.$client
  const { begin, forget: forgetHeads } = batches(db)
  const { create, send, edit, remove, react, unreact, rolledBack } = messageChanges(db)
  const members = memberChanges(db, create)
  const setTitle = client.prepare(
    'update chats set title = @title, title_folded = @title_folded where id = @chat_id and title <> @title'
  )
  const setVisibility = client.prepare('update chats set visibility = ? where id = ?')
  const setData = client.prepare('update chats set data = ? where id = ?')
  const hideChat = client.prepare("update chats set visibility = 'private', deleted_at = ? where id = ?")
  const removeMembers = client.prepare('delete from members where chat_id = ?')

  /** A transaction was rolled back: what was remembered of it never was. */
  function forget(): void {
    forgetHeads()
    rolledBack()
  }

  function rename(chat_id: number, title: string): boolean {
    return setTitle.run({ chat_id, title, title_folded: foldText(title) }).changes > 0
  }

  function settings(batch: Batch, change: Change & { type: 'settings' }): Done {
    const { chat_id, user, title, visibility, data } = change
    refuse(refuseBelow(batch.rights(chat_id, user.id), 'admin'))
    const head = batch.head(chat_id)
    const opened = visibility !== undefined && visibility !== head.visibility
    if (opened) {
      setVisibility.run(visibility, chat_id)
      head.visibility = visibility
    }
    if (data !== undefined) setData.run(JSON.stringify(data), chat_id)
    const renamed = title !== undefined && rename(chat_id, title)
    return renamed
      ? create(batch, change, 'renamed', title)
      : { message: undefined, fresh: opened || data !== undefined }
  }

  /** From now on nobody is in the chat or finds it. What was said in it leaves later; see purge.ts. */
  function removeChat(batch: Batch, { chat_id, user }: Change): Done {
    refuse(refuseBelow(batch.rights(chat_id, user.id), 'owner'))
    hideChat.run(batch.time(chat_id).ms, chat_id)
    removeMembers.run(chat_id)
    batch.forget(chat_id)
    return { message: undefined, fresh: true }
  }

  function apply(batch: Batch, change: Change): Outcome {
    try {
      switch (change.type) {
        case 'join':
          return members.join(batch, change)
        case 'set_member':
          return members.setMember(batch, change)
        case 'leave':
          return members.leave(batch, change)
        case 'read':
          return members.read(batch, change)
        case 'settings':
          return settings(batch, change)
        case 'remove':
          return removeChat(batch, change)
      }
      batch.needMember(change.chat_id, change.user.id)
      switch (change.type) {
        case 'send':
          return send(batch, change)
        case 'edit':
          return edit(batch, change)
        case 'delete':
          return remove(batch, change)
        case 'react':
          return react(batch, change)
        case 'unreact':
          return unreact(batch, change)
      }
    } catch (error) {
      if (error instanceof Refusal) return { error: error.code }
      throw error
    }
  }

  const transaction = client.transaction((changes: Change[]): Outcome[] => {
    const batch = begin()
    const outcomes = changes.map(change => apply(batch, change))
    batch.save()
    return outcomes
  }).immediate

  function tryAlone(change: Change): Outcome {
    try {
      return transaction([change])[0] as Outcome
    } catch (cause) {
      forget()
      return { error: 'STORAGE_FAILED', cause }
    }
  }

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
        return inSlices(changes, tryAlone)
      }
    }
  }
}
