import { randomBytes } from 'node:crypto'
import { ChatError } from '../../errors.ts'
import { decodeCursor, tagOf, toPage } from '../page.ts'
import type { SessionRepository } from '../repositories.ts'
import { toUser } from '../rows.ts'
import { and, desc, eq, gt, inArray, lte, ne, param, sql } from './drizzle.ts'
import type { Database } from './open.ts'
import { sessions, userColumns, users } from './tables.ts'

/** Sessions that one call of `endOldest` ends. The next login of the user ends the rest. */
const ENDED_PER_CALL = 1000
/** Characters of a User-Agent header that are stored. */
const USER_AGENT_LENGTH = 256

export function sessionRepository(db: Database): SessionRepository {
  const withUser = db
    .select({ session: sessions, user: userColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.user_id))
    .where(and(eq(sessions.id, param('id')), gt(sessions.expires_at, param('now'))))
    .prepare()

  return {
    async create({ id: user_id, password_hash }, expires_at, userAgent) {
      const now = Date.now()
      const id = randomBytes(16).toString('base64url')
      const user_agent = userAgent?.slice(0, USER_AGENT_LENGTH) ?? null
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

    async changePassword({ user_id, session_id, verified }, password_hash) {
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

    async find(id) {
      const [row] = await withUser.execute({ id, now: Date.now() })
      return row && { session: row.session, user: toUser(row.user) }
    },

    async list(user_id, { limit, cursor }) {
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

    async endOldest(user_id, keep) {
      const beyond = db
        .select({ id: sessions.id })
        .from(sessions)
        .where(eq(sessions.user_id, user_id))
        .orderBy(desc(sessions.last_seen_at), desc(sessions.created_at))
        .limit(ENDED_PER_CALL)
        .offset(keep)
      return idsOf(await db.delete(sessions).where(inArray(sessions.id, beyond)).returning({ id: sessions.id }))
    },

    async sweep() {
      await db.delete(sessions).where(lte(sessions.expires_at, Date.now()))
    },

    async touch(id, times) {
      await db.update(sessions).set(times).where(eq(sessions.id, id))
    },

    async remove(user_id, id) {
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
