import type Sqlite from 'better-sqlite3'

/**
 * Removes a search index that cannot be used, so that its damage, which loses nothing, does not keep the server from
 * starting: `createSearchIndex` then builds it anew from the messages. To be called when nothing uses it yet.
 */
export function removeBrokenIndex(client: Sqlite.Database): void {
  if (!works(client)) remove(client)
}

/** Reads, adds and takes out a row. All of it is rolled back. */
function works(client: Sqlite.Database): boolean {
  const done = new Error('the index works')
  const probe = client.transaction(() => {
    client.prepare("select rowid from messages_search where messages_search match 'a*' limit 1").get()
    client.exec("insert into messages_search (rowid, text) values (-1, 'a')")
    client.exec('delete from messages_search where rowid = -1')
    throw done
  })
  try {
    return probe.immediate()
  } catch (error) {
    return error === done
  }
}

/** A virtual table whose own tables are damaged cannot be dropped: its entry goes first, and then they do. */
function remove(client: Sqlite.Database): void {
  client.unsafeMode(true)
  try {
    client.pragma('writable_schema = on')
    client.exec("delete from sqlite_master where name = 'messages_search'")
    // Reads the schema anew.
    client.pragma('writable_schema = reset')
    const tables = client.prepare<[], string>(
      "select name from sqlite_master where type = 'table' and name glob 'messages_search_*'"
    )
    for (const name of tables.pluck().all()) client.exec(`drop table ${name}`)
  } finally {
    client.unsafeMode(false)
  }
}
