import type { Page } from '../schemas/common.ts'
import type { User } from '../schemas/user.ts'
import type { Database } from './database.ts'
import { and, asc, eq, gt, gte, inArray, lt, sql } from './drizzle.ts'
import { decodeCursor, type PageRequest, tagOf, toIso, toPage } from './page.ts'
import { users } from './tables.ts'

export type UserRow = Omit<typeof users.$inferSelect, 'password_hash'>

/** The columns that others may see. */
export const userColumns = {
  id: users.id,
  username: users.username,
  display_name: users.display_name,
  created_at: users.created_at
}

export function toUser(row: UserRow): User {
  return { id: row.id, username: row.username, display_name: row.display_name, created_at: toIso(row.created_at) }
}

export interface NewUser {
  /** Any case; kept in lower case. */
  username: string
  display_name?: string | undefined
  /** A PHC string. */
  password_hash: string
}

/** Accounts. */
export function usersRepository(db: Database) {
  const byId = db
    .select(userColumns)
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

  return {
    /** The new account, or undefined when the name is taken. */
    async create({ username, display_name, password_hash }: NewUser): Promise<User | undefined> {
      const row = { username: username.toLowerCase(), display_name: display_name ?? username, password_hash }
      const [created] = await db
        .insert(users)
        .values({ ...row, created_at: Date.now() })
        .onConflictDoNothing({ target: users.username })
        .returning(userColumns)
      return created && toUser(created)
    },

    async find(id: number): Promise<User | undefined> {
      const [row] = await byId.execute({ id })
      return row && toUser(row)
    },

    /** How many of these accounts exist. */
    async count(ids: number[]): Promise<number> {
      return db.$count(users, inArray(users.id, ids))
    },

    /** An account with its password hash, by a name in any case; for logins alone. */
    async findForLogin(username: string): Promise<{ user: User; password_hash: string } | undefined> {
      const [row] = await db.select().from(users).where(eq(users.username, username.toLowerCase()))
      return row && { user: toUser(row), password_hash: row.password_hash }
    },

    /** The password hash of an account that exists. */
    async passwordHash(id: number): Promise<string> {
      const [row] = await db.select({ hash: users.password_hash }).from(users).where(eq(users.id, id))
      return (row as { hash: string }).hash
    },

    /** Changes how an account that exists is shown. */
    async setDisplayName(id: number, display_name: string): Promise<User> {
      const [row] = await db.update(users).set({ display_name }).where(eq(users.id, id)).returning(userColumns)
      return toUser(row as UserRow)
    },

    /** Accounts whose username begins with `query`, by username. Throws INVALID_CURSOR. */
    async list({ query = '', limit, cursor }: PageRequest & { query?: string }): Promise<Page<User>> {
      const prefix = query.toLowerCase()
      const tag = tagOf('users', prefix)
      const [after] = decodeCursor(cursor, [''], tag) ?? ['']
      const rows = await db
        .select(userColumns)
        .from(users)
        .where(and(gt(users.username, after), gte(users.username, prefix), lt(users.username, `${prefix}\u{10ffff}`)))
        .orderBy(asc(users.username))
        .limit(limit + 1)
      return toPage(rows, limit, toUser, row => [tag, row.username])
    }
  }
}
