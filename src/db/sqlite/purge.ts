import type Sqlite from 'better-sqlite3'

/** Rows that are taken out at a time, for at most so long in one go, in milliseconds. */
const PIECE = 100
const WORK_MS = 10

/** Takes deleted chats out of the database, a piece at a time: all at once would hold up everybody else. */
export function purge(client: Sqlite.Database) {
  const deletedChat = client
    .prepare<[], number>('select id from chats where deleted_at is not null order by id limit 1')
    .pluck()
  const pieces = ['reactions', 'messages'].map(table =>
    client.prepare<[number]>(
      `delete from ${table} where rowid in (select rowid from ${table} where chat_id = ? limit ${PIECE})`
    )
  )
  const chat = client.prepare<[number]>('delete from chats where id = ?')

  return {
    /** Goes on with some deleted chat. Returns false when there is none. */
    work(): boolean {
      const id = deletedChat.get()
      if (id === undefined) return false
      for (const end = performance.now() + WORK_MS; performance.now() < end; ) {
        if (pieces.some(piece => piece.run(id).changes > 0)) continue
        chat.run(id)
        break
      }
      return true
    }
  }
}
