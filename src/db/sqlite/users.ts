import type { FairTurns } from '../../fair-turns.ts'
import type { Page } from '../../schemas/common.ts'
import type { ProfileChange, User } from '../../schemas/user.ts'
import { decodeCursor, type PageRequest, tagOf, toIso, toPage } from '../page.ts'
import { foldText } from '../search/fold-text.ts'
import { asc, eq, inArray, sql } from './drizzle.ts'
import type { Database } from './open.ts'
import { users } from './tables.ts'
import { usernameFinder } from './username-finder.ts'

/** The columns that others may see. */
export const userColumns = {
  id: users.id,
  username: users.username,
  display_name: users.display_name,
  created_at: users.created_at,
  data: users.data
}

export type UserRow = Pick<typeof users.$inferSelect, keyof typeof userColumns>

export function toUser({ id, username, display_name, created_at, data }: UserRow): User {
  const user: User = { id, username, display_name, created_at: toIso(created_at) }
  if (data !== null) user.data = data
  return user
}

export interface NewUser {
  /** Any case; kept in lower case. */
  username: string
  display_name?: string | undefined
  /** A PHC string. */
  password_hash: string
}

/** Accounts. */
export function usersRepository(db: Database, scans: FairTurns) {
  const find = usernameFinder(db, scans)
  const byId = db
    .select(userColumns)
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

  return {
    /** The new account, or undefined when the name is taken. */
    async create({ username, display_name, password_hash }: NewUser): Promise<User | undefined> {
      const row = { username: username.toLowerCase(), password_hash, created_at: Date.now() }
      const [created] = await db
        .insert(users)
        .values({ ...row, ...shown(display_name ?? username) })
        .onConflictDoNothing({ target: users.username })
        .returning(userColumns)
      return created && toUser(created)
    },

    async find(id: number): Promise<User | undefined> {
      const [row] = await byId.execute({ id })
      return row && toUser(row)
    },

    /** Those of these accounts that exist, in the order of their ids. */
    async findAll(ids: number[]): Promise<User[]> {
      const rows = await db.select(userColumns).from(users).where(inArray(users.id, ids)).orderBy(asc(users.id))
      return rows.map(toUser)
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

    /** Changes the profile of an account that exists. */
    async setProfile(id: number, { display_name, data }: ProfileChange): Promise<User> {
      const changes = { ...(display_name !== undefined && shown(display_name)), ...(data && { data }) }
      const [row] = await db.update(users).set(changes).where(eq(users.id, id)).returning(userColumns)
      return toUser(row as UserRow)
    },

    /**
     * Accounts whose username or display name begins with `query` in any case and with any accents, by username. Throws
     * INVALID_CURSOR.
     */
    async list({ query = '', limit, cursor }: PageRequest & { query?: string }): Promise<Page<User>> {
      const tag = tagOf('users', foldText(query))
      const [after] = decodeCursor(cursor, [''], tag) ?? ['']
      const page = toPage(
        await find(foldText(query), after, limit + 1),
        limit,
        username => username,
        username => [tag, username]
      )
      const rows = await db
        .select(userColumns)
        .from(users)
        .where(inArray(users.username, page.items))
        .orderBy(asc(users.username))
      return { ...page, items: rows.map(toUser) }
    }
  }
}

/** How a user is shown, and what they are found by. */
function shown(display_name: string) {
  return { display_name, display_name_folded: foldText(display_name) }
}
