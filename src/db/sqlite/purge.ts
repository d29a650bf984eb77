import type Sqlite from 'better-sqlite3'

/** Rows that one statement deletes. */
const ROWS_PER_DELETE = 100
/** How long one run may take, in milliseconds. */
const RUN_MS = 10

/**
 * Returns a background worker that deletes the rows of deleted chats piece by piece: deleting them all at once would
 * block every other write. The worker returns false when there is no deleted chat.
 */
export function purgeWorker(client: Sqlite.Database): () => boolean {
  const deletedChat = client
    .prepare<[], number>('select id from chats where deleted_at is not null order by id limit 1')
    .pluck()
  const deleteSome = ['reactions', 'messages'].map(table =>
    client.prepare<[number]>(
      `delete from ${table} where rowid in (select rowid from ${table} where chat_id = ? limit ${ROWS_PER_DELETE})`
    )
  )
  const deleteChat = client.prepare<[number]>('delete from chats where id = ?')

  return () => {
    const id = deletedChat.get()
    if (id === undefined) return false
    for (const end = performance.now() + RUN_MS; performance.now() < end; ) {
      if (deleteSome.some(statement => statement.run(id).changes > 0)) continue
      deleteChat.run(id)
      break
    }
    return true
  }
}
