import { randomBytes } from 'node:crypto'
import type Sqlite from 'better-sqlite3'

/**
 * Returns the random id of the history in this database: 16 bytes in base64url. A new database gets a new id, and so
 * does a copy made by `npm run db:backup`: writes to the copy are another history than later writes to the original.
 */
export function epochOf(client: Sqlite.Database): string {
  const read = client.prepare<[], string>('select epoch from server where copied_at is null').pluck()
  return read.get() ?? beginEpoch(client)
}

/** Begins a new history. Returns its id. */
export function beginEpoch(client: Sqlite.Database): string {
  const epoch = randomBytes(16).toString('base64url')
  client
    .prepare(
      `insert into server (id, epoch) values (1, ?)
       on conflict (id) do update set epoch = excluded.epoch, copied_at = null`
    )
    .run(epoch)
  return epoch
}

/** Marks a database file as a copy. Does nothing to the database of a version that had no epochs. */
export function markAsCopy(client: Sqlite.Database): void {
  if (!client.prepare("select 1 from sqlite_master where name = 'server'").get()) return
  client.prepare('update server set copied_at = ?').run(Date.now())
}
