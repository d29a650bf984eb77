import { inSlices } from '../../../time-slice.ts'
import { type Change, type ChangeOf, Refusal, type Result, refuseIf, type Success } from '../../changes.ts'
import type { LogRepository } from '../../repositories.ts'
import { checkRole } from '../../rules.ts'
import { foldText } from '../../search/fold-text.ts'
import type { BusyRetry } from '../busy-retry.ts'
import { isBusy } from '../errors.ts'
import type { Database } from '../open.ts'
import { type Batch, batches } from './batch.ts'
import { memberChanges } from './member-changes.ts'
import { messageChanges } from './message-changes.ts'

/**
 * The append side of the logs. A batch is one transaction and one fsync. The transaction takes the numbers and decides
 * who may do what. Plain SQL in statements prepared once: every message that is sent comes through here.
 */
export function logRepository(db: Database, busyRetry: BusyRetry): LogRepository {
  const client = db.$client
  const { begin, clear: clearHeads } = batches(db)
  const { create, send, edit, remove, react, unreact, clearCache } = messageChanges(db)
  const members = memberChanges(db, create)
  const updateTitle = client.prepare(
    'update chats set title = @title, title_folded = @title_folded where id = @chat_id and title <> @title'
  )
  const updateVisibility = client.prepare('update chats set visibility = ? where id = ?')
  const updateData = client.prepare('update chats set data = ? where id = ?')
  const hideChat = client.prepare("update chats set visibility = 'private', deleted_at = ? where id = ?")
  const removeMembers = client.prepare('delete from members where chat_id = ?')

  /** Call this after a rollback: the caches hold what the transaction did. */
  function clearCaches(): void {
    clearHeads()
    clearCache()
  }

  function rename(chat_id: number, title: string): boolean {
    return updateTitle.run({ chat_id, title, title_folded: foldText(title) }).changes > 0
  }

  function changeSettings(batch: Batch, change: ChangeOf<'settings'>): Success {
    const { chat_id, user, title, visibility, data } = change
    refuseIf(checkRole(batch.rights(chat_id, user.id), 'admin'))
    const head = batch.head(chat_id)
    const changesVisibility = visibility !== undefined && visibility !== head.visibility
    if (changesVisibility) {
      updateVisibility.run(visibility, chat_id)
      head.visibility = visibility
    }
    if (data !== undefined) updateData.run(JSON.stringify(data), chat_id)
    if (title !== undefined && rename(chat_id, title)) return create(batch, change, 'renamed', title)
    return { message: undefined, changed: changesVisibility || data !== undefined }
  }

  /** Hides the chat and removes its members. purge.ts deletes its messages later. */
  function removeChat(batch: Batch, { chat_id, user }: Change): Success {
    refuseIf(checkRole(batch.rights(chat_id, user.id), 'owner'))
    hideChat.run(batch.timestamp(chat_id).ms, chat_id)
    removeMembers.run(chat_id)
    batch.removeHead(chat_id)
    return { message: undefined, changed: true }
  }

  function apply(batch: Batch, change: Change): Result {
    try {
      switch (change.type) {
        case 'join':
          return members.join(batch, change)
        case 'set_member':
          return members.setMember(batch, change)
        case 'leave':
          return members.leave(batch, change)
        case 'read':
          return members.moveReadMarker(batch, change)
        case 'settings':
          return changeSettings(batch, change)
        case 'remove':
          return removeChat(batch, change)
      }
      batch.requireMember(change.chat_id, change.user.id)
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

  const transaction = client.transaction((changes: Change[]): Result[] => {
    const batch = begin()
    const results = changes.map(change => apply(batch, change))
    batch.writeHeads()
    return results
  }).immediate

  function appendAlone(change: Change): Result {
    try {
      return transaction([change])[0] as Result
    } catch (cause) {
      clearCaches()
      return { error: 'STORAGE_FAILED', cause }
    }
  }

  return {
    /**
     * When the transaction fails, each change is tried in a transaction of its own: a change that cannot be stored must
     * not fail the others. Not so when another process has held the lock for too long.
     */
    async append(changes) {
      try {
        return await busyRetry.run(() => transaction(changes))
      } catch (cause) {
        clearCaches()
        if (changes.length === 1 || isBusy(cause)) return changes.map(() => ({ error: 'STORAGE_FAILED', cause }))
        return inSlices(changes, appendAlone)
      }
    }
  }
}
