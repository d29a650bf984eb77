import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { background } from './background.ts'
import { chatsRepository } from './chats.ts'
import { type Database, openDatabase } from './database.ts'
import { epochOf } from './epoch.ts'
import { isOpenToOthers, lock } from './file.ts'
import { logRepository } from './log.ts'
import { membersRepository } from './members.ts'
import { remember } from './memory.ts'
import { messagesRepository } from './messages.ts'
import { Patience } from './patience.ts'
import { purge } from './purge.ts'
import { searchRepository } from './search.ts'
import { searchIndex } from './search-index.ts'
import { sessionsRepository } from './sessions.ts'
import { unfolded } from './unfolded.ts'
import { usersRepository } from './users.ts'

/** The start waits this long for texts to be folded; the rest is done in the background. In milliseconds. */
const FOLD_MS = 100

/** What is remembered of; see memory.ts. */
function stored(db: Database, patience: Patience) {
  return {
    users: patience.lend(usersRepository(db)),
    sessions: patience.lend(sessionsRepository(db)),
    chats: patience.lend(chatsRepository(db)),
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
  const patience = new Patience(db.$client)
  const index = searchIndex(db.$client)
  const stop = background([purge(db.$client).work, index.forget, index.work, names.work], onError)
  const dataVersion = db.$client.prepare<[], number>('pragma data_version').pluck()
  return {
    ...remember(stored(db, patience), () => dataVersion.get() as number),
    messages: messagesRepository(db),
    search: searchRepository(db, index, patience),
    /** The random id of the history in this database; another one after a backup was put back. See epoch.ts. */
    epoch,
    /** Resolves when the database answers. */
    async ping(): Promise<void> {
      db.$client.prepare('select 1').get()
    },
    async close(): Promise<void> {
      stop()
      db.$client.close()
      release()
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
  app.addHook('onReady', () => db.sessions.sweep())
  app.addHook('onClose', () => db.close())
}

export default fp(db, { name: 'db' })
