import { randomBytes } from 'node:crypto'
import { ChatError } from '../../errors.ts'
import type { Page } from '../../schemas/common.ts'
import type { User } from '../../schemas/user.ts'
import { decodeCursor, type PageRequest, tagOf, toPage } from '../page.ts'
import { and, desc, eq, gt, inArray, lte, ne, param, sql } from './drizzle.ts'
import type { Database } from './open.ts'
import { sessions, users } from './tables.ts'
import { toUser, userColumns } from './users.ts'

/** Sessions that are ended in one go; what is left waits for the next login. */
const ENDED_AT_ONCE = 1000

export type SessionRow = typeof sessions.$inferSelect

/** Sessions: a login on a device. The id is 128 random bits in base64url. Times are milliseconds since 1970. */
export function sessionsRepository(db: Database) {
  const withUser = db
    .select({ session: sessions, user: userColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.user_id))
    .where(and(eq(sessions.id, param('id')), gt(sessions.expires_at, param('now'))))
    .prepare()

  return {
    /** Opens a session of a user whose password hash is still this one; undefined when it was changed meanwhile. */
    async create(
      { id: user_id, password_hash }: { id: number; password_hash: string },
      expires_at: number,
      userAgent?: string
    ): Promise<SessionRow | undefined> {
      const now = Date.now()
      const id = randomBytes(16).toString('base64url')
      const user_agent = userAgent?.slice(0, 256) ?? null
      const row = { id, user_id, created_at: now, last_seen_at: now, expires_at, user_agent }
      return db.transaction(
        tx => {
          const unchanged = and(eq(users.id, user_id), eq(users.password_hash, password_hash))
          if (tx.select({ id: users.id }).from(users).where(unchanged).all().length === 0) return undefined
          tx.delete(sessions)
            .where(and(eq(sessions.user_id, user_id), lte(sessions.expires_at, now)))
            .run()
          tx.insert(sessions).values(row).run()
          return row
        },
        { behavior: 'immediate' }
      )
    },

    /**
     * Gives a user another password hash and ends every session of theirs but `session_id`. Returns the ids of those
     * that ended. To hash takes long, so this decides again on what holds now: throws UNAUTHENTICATED when the session
     * has ended, and WRONG_PASSWORD when `verified` is no longer the hash.
     */
    async changePassword(
      { user_id, session_id, verified }: { user_id: number; session_id: string; verified: string },
      password_hash: string
    ): Promise<string[]> {
      return db.transaction(
        tx => {
          const live = and(eq(sessions.id, session_id), gt(sessions.expires_at, Date.now()))
          if (!tx.select({ id: sessions.id }).from(sessions).where(live).get()) throw new ChatError('UNAUTHENTICATED')
          const unchanged = and(eq(users.id, user_id), eq(users.password_hash, verified))
          const { changes } = tx.update(users).set({ password_hash }).where(unchanged).run()
          if (changes === 0) throw new ChatError('WRONG_PASSWORD')
          const others = and(eq(sessions.user_id, user_id), ne(sessions.id, session_id))
          return idsOf(tx.delete(sessions).where(others).returning({ id: sessions.id }).all())
        },
        { behavior: 'immediate' }
      )
    },

    /** A session that has not ended, with its user. */
    async find(id: string): Promise<{ session: SessionRow; user: User } | undefined> {
      const [row] = await withUser.execute({ id, now: Date.now() })
      return row && { session: row.session, user: toUser(row.user) }
    },

    /** The sessions of a user that have not ended, newest first. Throws INVALID_CURSOR. */
    async list(user_id: number, { limit, cursor }: PageRequest): Promise<Page<SessionRow>> {
      const tag = tagOf('sessions', user_id)
      const [created_at, id] = decodeCursor(cursor, [0, ''], tag) ?? [Number.MAX_SAFE_INTEGER, '']
      const live = and(eq(sessions.user_id, user_id), gt(sessions.expires_at, Date.now()))
      const older = sql`(${sessions.created_at}, ${sessions.id}) < (${created_at}, ${id})`
      const rows = await db
        .select()
        .from(sessions)
        .where(and(live, older))
        .orderBy(desc(sessions.created_at), desc(sessions.id))
        .limit(limit + 1)
      return toPage(
        rows,
        limit,
        row => row,
        row => [tag, row.created_at, row.id]
      )
    },

    /** Ends the sessions of a user that were used longest ago, all but `most`. Returns the ids of those that ended. */
    async endOldest(user_id: number, most: number): Promise<string[]> {
      const beyond = db
        .select({ id: sessions.id })
        .from(sessions)
        .where(eq(sessions.user_id, user_id))
        .orderBy(desc(sessions.last_seen_at), desc(sessions.created_at))
        .limit(ENDED_AT_ONCE)
        .offset(most)
      return idsOf(await db.delete(sessions).where(inArray(sessions.id, beyond)).returning({ id: sessions.id }))
    },

    /** Forgets what has ended. */
    async sweep(): Promise<void> {
      await db.delete(sessions).where(lte(sessions.expires_at, Date.now()))
    },

    async touch(id: string, times: { last_seen_at: number; expires_at?: number }): Promise<void> {
      await db.update(sessions).set(times).where(eq(sessions.id, id))
    },

    /** Ends one session of a user. Returns the ids of those that ended: one, or none when there is no such session. */
    async remove(user_id: number, id: string): Promise<string[]> {
      return idsOf(
        await db
          .delete(sessions)
          .where(and(eq(sessions.id, id), eq(sessions.user_id, user_id)))
          .returning({ id: sessions.id })
      )
    }
  }
}

function idsOf(rows: { id: string }[]): string[] {
  return rows.map(row => row.id)
}
