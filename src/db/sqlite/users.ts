import type { FairTurns } from '../../fair-turns.ts'
import { decodeCursor, tagOf, toPage } from '../page.ts'
import type { UserRepository } from '../repositories.ts'
import { toUser, type UserRow } from '../rows.ts'
import { foldText } from '../search/fold-text.ts'
import { asc, eq, inArray, sql } from './drizzle.ts'
import type { Database } from './open.ts'
import { userColumns, users } from './tables.ts'
import { usernameFinder } from './username-finder.ts'

/** Accounts. `scans` shares the event loop among the scans of all requests. */
export function userRepository(db: Database, scans: FairTurns): UserRepository {
  const findUsernames = usernameFinder(db, scans)
  const byId = db
    .select(userColumns)
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

  return {
    async create({ username, display_name, password_hash }) {
      const row = { username: username.toLowerCase(), password_hash, created_at: Date.now() }
      const [created] = await db
        .insert(users)
        .values({ ...row, ...displayNameColumns(display_name ?? username) })
        .onConflictDoNothing({ target: users.username })
        .returning(userColumns)
      return created && toUser(created)
    },

    async find(id) {
      const [row] = await byId.execute({ id })
      return row && toUser(row)
    },

    async findAll(ids) {
      const rows = await db.select(userColumns).from(users).where(inArray(users.id, ids)).orderBy(asc(users.id))
      return rows.map(toUser)
    },

    async count(ids) {
      return db.$count(users, inArray(users.id, ids))
    },

    async findForLogin(username) {
      const [row] = await db.select().from(users).where(eq(users.username, username.toLowerCase()))
      return row && { user: toUser(row), password_hash: row.password_hash }
    },

    async passwordHash(id) {
      const [row] = await db.select({ hash: users.password_hash }).from(users).where(eq(users.id, id))
      return (row as { hash: string }).hash
    },

    async setProfile(id, { display_name, data }) {
      const columns = { ...(display_name !== undefined && displayNameColumns(display_name)), ...(data && { data }) }
      const [row] = await db.update(users).set(columns).where(eq(users.id, id)).returning(userColumns)
      return toUser(row as UserRow)
    },

    async list({ query = '', limit, cursor }) {
      const prefix = foldText(query)
      const tag = tagOf('users', prefix)
      const [after] = decodeCursor(cursor, [''], tag) ?? ['']
      const page = toPage(
        await findUsernames(prefix, after, limit + 1),
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

/** A display name, and its folded text for prefix searches. */
function displayNameColumns(display_name: string) {
  return { display_name, display_name_folded: foldText(display_name) }
}
