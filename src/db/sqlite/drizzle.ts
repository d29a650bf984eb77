import { createRequire } from 'node:module'

/**
 * Drizzle, loaded as CommonJS. For an ES module, Node reads the package.json again for each file, and Drizzle's has 180
 * KB: that took 0.3 s of the start and 120 MB of memory, which stayed allocated.
 */
const require = createRequire(import.meta.url)

export const { alias, check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } =
  require('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core')
export const { and, asc, desc, eq, gt, gte, inArray, isNull, lt, lte, ne, or, sql } =
  require('drizzle-orm') as typeof import('drizzle-orm')
export const { drizzle } = require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3')
export const { migrate } =
  require('drizzle-orm/better-sqlite3/migrator') as typeof import('drizzle-orm/better-sqlite3/migrator')
export const { readMigrationFiles } = require('drizzle-orm/migrator') as typeof import('drizzle-orm/migrator')

/**
 * A parameter of a query with a join that is prepared once. better-sqlite3 builds SQLite with STAT4
 * (https://www.sqlite.org/compile.html#enable_stat4): SQLite then plans a query again at each run when a join or a
 * limit depends on a bare parameter, which takes several times as long as the run. The unary `+` prevents that.
 */
export function param(name: string) {
  return sql`+${sql.placeholder(name)}`
}
