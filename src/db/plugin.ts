import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { FairTurns } from '../fair-turns.ts'
import { background } from './background.ts'
import { remember } from './cache/with-cache.ts'
import { isLocked, Patience } from './sqlite/busy-retry.ts'
import { chatsRepository } from './sqlite/chats.ts'
import { epochOf } from './sqlite/epoch.ts'
import { guarded, guardedWork, isStorageFault } from './sqlite/faults.ts'
import { isOpenToOthers, lock } from './sqlite/file.ts'
import { logRepository } from './sqlite/log/log.ts'
import { membersRepository } from './sqlite/members.ts'
import { messagesRepository } from './sqlite/messages.ts'
import { type Database, openDatabase } from './sqlite/open.ts'
import { purge } from './sqlite/purge.ts'
import { Readiness } from './sqlite/readiness.ts'
import { type SearchIndex, searchIndex } from './sqlite/search/indexer.ts'
import { type SearchRequest, searchRepository } from './sqlite/search/search.ts'
import { sessionsRepository } from './sqlite/sessions.ts'
import { unfolded } from './sqlite/unfolded.ts'
import { usersRepository } from './sqlite/users.ts'

/** The start waits this long for texts to be folded; the rest is done in the background. In milliseconds. */
const FOLD_MS = 100

/** What is remembered of; see memory.ts. */
function stored(db: Database, patience: Patience) {
  /** Looking through many rows has turns of its own: however many do, nobody else waits for them. */
  const scans = new FairTurns()
  return {
    users: patience.lend(usersRepository(db, scans)),
    sessions: patience.lend(sessionsRepository(db)),
    chats: patience.lend(chatsRepository(db, scans)),
    members: patience.lend(membersRepository(db)),
    log: logRepository(db, patience)
  }
}

export type Stored = ReturnType<typeof stored>

/** `onError` is told what keeps the work in the background from going on. */
function repositories(name: string, onError: (error: unknown) => void) {
  const { file, release } = lock(name)
  const db = openDatabase(file, name)
  const epoch = epochOf(db.$client)
  const names = unfolded(db.$client)
  names.workFor(FOLD_MS)
  db.$client.pragma('busy_timeout = 0')
  const readiness = new Readiness(db.$client)
  const patience = new Patience(db.$client, undefined, error => readiness.note(error))
  const index = searchIndex(db.$client)
  const stop = background([purge(db.$client).work, index.forget, index.work, names.work], onError)
  const dataVersion = db.$client.prepare<[], number>('pragma data_version').pluck()
  const search = searchRepository(db, asFarAsPossible(index), patience)
  const { users, sessions, chats, members, log } = remember(stored(db, patience), () => dataVersion.get() as number)
  return {
    users: guarded(users),
    sessions: guarded(sessions),
    chats: guarded(chats),
    members: guarded(members),
    /** Its outcomes say what could not be stored. */
    log,
    messages: guarded(messagesRepository(db)),
    search: {
      find: (user_id: number, request: SearchRequest) => guardedWork(search.find(user_id, request))
    },
    /** The random id of the history in this database; another one after a backup was put back. See epoch.ts. */
    epoch,
    /** Resolves when the database can be read and, as far as is known, written. Throws the reason otherwise. */
    ready: () => readiness.check(),
    async close(): Promise<void> {
      stop()
      db.$client.close()
      release()
    }
  }
}

/** The same index, which a full disk does not stop: searches then miss the messages that are not indexed yet. */
function asFarAsPossible(index: SearchIndex): SearchIndex {
  return {
    ...index,
    indexPage(...args) {
      try {
        return index.indexPage(...args)
      } catch (error) {
        if (isLocked(error) || !isStorageFault(error)) throw error
        return false
      }
    }
  }
}

export type Repositories = ReturnType<typeof repositories>

declare module 'fastify' {
  interface FastifyInstance {
    /** One repository a noun; every function returns a promise. */
    db: Repositories
  }
}

export interface DbOptions {
  /** The SQLite file, or `:memory:`. */
  databaseFile: string
}

/** Opens the database for the life of the app. */
async function db(app: FastifyInstance, { databaseFile }: DbOptions): Promise<void> {
  const db = repositories(databaseFile, err => app.log.warn({ err }, 'work in the background stands still'))
  app.decorate('db', db)
  if (isOpenToOthers(databaseFile)) app.log.warn(`Other users of this machine can read ${databaseFile}: chmod 600 it`)
  // A disk that is full, or another process that holds the lock, is no reason not to start.
  app.addHook('onReady', () => db.sessions.sweep().catch(err => app.log.warn({ err }, 'ended sessions stay stored')))
  app.addHook('onClose', () => db.close())
}

export default fp(db, { name: 'db' })
