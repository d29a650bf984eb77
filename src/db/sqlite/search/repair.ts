import type Sqlite from 'better-sqlite3'

/**
 * Removes a search index that cannot be used: a damaged index loses no messages and must not prevent the start.
 * `createSearchIndex` then builds it again from the messages. Call this before anything uses the index.
 */
export function removeBrokenIndex(client: Sqlite.Database): void {
  if (!works(client)) remove(client)
}

/** Reads, adds and deletes a row, and rolls back. */
function works(client: Sqlite.Database): boolean {
  const rollback = new Error('the index works')
  const probe = client.transaction(() => {
    client.prepare("select rowid from messages_search where messages_search match 'a*' limit 1").get()
    client.exec("insert into messages_search (rowid, text) values (-1, 'a')")
    client.exec('delete from messages_search where rowid = -1')
    throw rollback
  })
  try {
    return probe.immediate()
  } catch (error) {
    return error === rollback
  }
}

/**
 * A virtual table whose own tables are damaged cannot be dropped: its schema entry is deleted first, then its tables.
 */
function remove(client: Sqlite.Database): void {
  client.unsafeMode(true)
  try {
    client.pragma('writable_schema = on')
    client.exec("delete from sqlite_master where name = 'messages_search'")
    // Makes SQLite read the schema again.
    client.pragma('writable_schema = reset')
    const tables = client.prepare<[], string>(
      "select name from sqlite_master where type = 'table' and name glob 'messages_search_*'"
    )
    for (const name of tables.pluck().all()) client.exec(`drop table ${name}`)
  } finally {
    client.unsafeMode(false)
  }
}
