import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { withCache } from './cache/with-cache.ts'
import type { Repositories } from './repositories.ts'
import { openStorage } from './sqlite/storage.ts'

declare module 'fastify' {
  interface FastifyInstance {
    db: Repositories
  }
}

export interface DbOptions {
  /** The SQLite file, or `:memory:`. */
  databaseFile: string
}

/** Opens the database while the app lives, with the cache above it. */
async function db(app: FastifyInstance, { databaseFile }: DbOptions): Promise<void> {
  const db = withCache(openStorage(databaseFile, app.log))
  app.decorate('db', db)
  // The server also starts on a full disk, and while another process holds the lock.
  app.addHook('onReady', () => db.sessions.sweep().catch(err => app.log.warn({ err }, 'ended sessions stay stored')))
  app.addHook('onClose', () => db.close())
}

export default fp(db, { name: 'db' })
