import type { FastifyBaseLogger } from 'fastify'
import { FairTurns } from '../../fair-turns.ts'
import { background } from '../background.ts'
import type { SearchRequest } from '../records.ts'
import type { Storage } from '../storage.ts'
import { BusyRetry } from './busy-retry.ts'
import { chatRepository } from './chats.ts'
import { epochOf } from './epoch.ts'
import { generatorWithStorageErrors, isBusy, isStorageFault, withStorageErrors } from './errors.ts'
import { acquireLock, isOpenToOthers } from './file.ts'
import { foldWorker } from './fold-worker.ts'
import { foreignWrites } from './foreign-writes.ts'
import { logRepository } from './log/log.ts'
import { memberRepository } from './members.ts'
import { messageRepository } from './messages.ts'
import { openDatabase } from './open.ts'
import { purgeWorker } from './purge.ts'
import { Readiness } from './readiness.ts'
import { type Indexer, indexer } from './search/indexer.ts'
import { searchRepository } from './search/search.ts'
import { sessionRepository } from './sessions.ts'
import { userRepository } from './users.ts'

/** How long the start may fold texts; the rest is folded in the background. In milliseconds. */
const FOLD_AT_START_MS = 100

/**
 * Opens a SQLite file, or `:memory:`, and starts its background work. Throws DatabaseError when the file cannot be
 * opened, or another server has it open.
 */
export function openStorage(name: string, log: Pick<FastifyBaseLogger, 'warn'>): Storage {
  const { file, release } = acquireLock(name)
  const db = openDatabase(file, name)
  const client = db.$client
  const epoch = epochOf(client)
  const folding = foldWorker(client)
  folding.workFor(FOLD_AT_START_MS)
  // From here on, BusyRetry waits for other processes.
  client.pragma('busy_timeout = 0')
  const readiness = new Readiness(client)
  const busyRetry = new BusyRetry(client, undefined, error => readiness.noteFailure(error))
  const index = indexer(client)
  const search = searchRepository(db, withoutStorageFaults(index), busyRetry)
  /** Scans of many rows take turns of the event loop among themselves: they delay no other request. */
  const scans = new FairTurns()
  const stop = background([purgeWorker(client), index.removeDeleted, index.work, folding.work], err => {
    // The next run tries again.
    if (!isBusy(err)) log.warn({ err }, 'work in the background stands still')
  })
  if (isOpenToOthers(file)) log.warn(`Other users of this machine can read ${name}: chmod 600 it`)

  return {
    foreignWrites: foreignWrites(client),
    repositories: {
      users: withStorageErrors(busyRetry.wrap(userRepository(db, scans))),
      sessions: withStorageErrors(busyRetry.wrap(sessionRepository(db))),
      chats: withStorageErrors(busyRetry.wrap(chatRepository(db, scans))),
      members: withStorageErrors(busyRetry.wrap(memberRepository(db))),
      messages: withStorageErrors(messageRepository(db)),
      log: logRepository(db, busyRetry),
      search: {
        find: (user_id: number, request: SearchRequest) => generatorWithStorageErrors(search.find(user_id, request))
      },
      epoch,
      ready: () => readiness.check(),
      async close() {
        stop()
        client.close()
        release()
      }
    }
  }
}

/** The same index, for searches on a full disk: they miss the messages that are not indexed yet, but do not fail. */
function withoutStorageFaults(index: Indexer): Indexer {
  return {
    ...index,
    indexPage(...args) {
      try {
        return index.indexPage(...args)
      } catch (error) {
        if (isBusy(error) || !isStorageFault(error)) throw error
        return false
      }
    }
  }
}
