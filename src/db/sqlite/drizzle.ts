import { createRequire } from 'node:module'

/**
 * Drizzle, loaded as CommonJS. Of an ES module, Node reads the package.json anew for each file, and Drizzle's has
 * 180 KB: it took 0.3 s of the start and 120 MB of memory that were never given back.
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
 * A parameter of a query that joins and is prepared once. The SQLite of better-sqlite3 is built with STAT4, with which a
 * bare parameter that a join or a limit depends on has the whole query planned anew at each run: several times what it
 * costs to run it. The `+` keeps the plan.
 */
export function param(name: string) {
  return sql`+${sql.placeholder(name)}`
}
