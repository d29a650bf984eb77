import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { chatsRepository } from './chats.ts'
import { claim, type Database, openDatabase } from './database.ts'
import { logRepository } from './log.ts'
import { membersRepository } from './members.ts'
import { remember } from './memory.ts'
import { messagesRepository } from './messages.ts'
import { Patience } from './patience.ts'
import { searchRepository } from './search.ts'
import { sessionsRepository } from './sessions.ts'
import { usersRepository } from './users.ts'

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

function repositories(file: string) {
  const claimed = claim(file)
  const db = openDatabase(file)
  db.$client.pragma('busy_timeout = 0')
  const patience = new Patience(db.$client)
  const search = searchRepository(db, patience)
  const dataVersion = db.$client.prepare<[], number>('pragma data_version').pluck()
  return {
    ...remember(stored(db, patience), () => dataVersion.get() as number),
    messages: messagesRepository(db),
    search,
    /** Resolves when the database answers. */
    async ping(): Promise<void> {
      db.$client.prepare('select 1').get()
    },
    async close(): Promise<void> {
      await search.stop()
      db.$client.close()
      claimed.close()
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
  const db = repositories(databaseFile)
  app.decorate('db', db)
  app.addHook('onReady', () => db.sessions.sweep())
  app.addHook('onReady', () => db.search.start(err => app.log.warn({ err }, 'the search index stands still')))
  app.addHook('onClose', () => db.close())
}

export default fp(db, { name: 'db' })
