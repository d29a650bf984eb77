import type Sqlite from 'better-sqlite3'
import { foldText } from '../search/fold-text.ts'

/** Rows that are folded in one transaction. */
const PIECE = 500

interface UnfoldedRow {
  id: number
  text: string
}

/**
 * Writes the folded text of rows that have none: a migration leaves NULL where a text is not plain ASCII, and so does
 * another program that inserts a row.
 */
export function unfolded(client: Sqlite.Database) {
  const tables = [
    pieceOf(client, 'chats', 'title', 'title_folded is null and title is not null'),
    pieceOf(client, 'users', 'display_name', 'display_name_folded is null')
  ]

  function work(): boolean {
    return tables.some(fold => fold())
  }

  return {
    /** Folds the texts of up to 500 rows. Returns false when no row lacks its folded text. */
    work,

    /** Goes on until no row lacks its folded text, for at most `ms` milliseconds. */
    workFor(ms: number): void {
      for (const end = performance.now() + ms; performance.now() < end && work(); );
    }
  }
}

function pieceOf(client: Sqlite.Database, table: string, column: string, isUnfolded: string): () => boolean {
  const some = client.prepare<[], UnfoldedRow>(
    `select id, cast(${column} as text) as text from ${table} where ${isUnfolded} limit ${PIECE}`
  )
  const write = client.prepare(`update ${table} set ${column}_folded = ? where id = ?`)
  const fold = client.transaction(() => {
    for (const { id, text } of some.all()) write.run(foldText(text), id)
  }).immediate

  return () => {
    // Without the lock of a writer: mostly, there is nothing to do.
    if (!some.get()) return false
    fold()
    return true
  }
}
