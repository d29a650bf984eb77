import type Sqlite from 'better-sqlite3'
import { foldText } from '../search/fold-text.ts'

/** Rows that are folded in one transaction. */
const ROWS_PER_RUN = 500

interface UnfoldedRow {
  id: number
  text: string
}

/**
 * Writes the folded text of rows that have none: a migration leaves NULL where a text is not plain ASCII, and so does
 * another program that inserts a row.
 */
export function foldWorker(client: Sqlite.Database) {
  const workers = [
    columnWorker(client, 'chats', 'title', 'title_folded is null and title is not null'),
    columnWorker(client, 'users', 'display_name', 'display_name_folded is null')
  ]

  function work(): boolean {
    return workers.some(worker => worker())
  }

  return {
    /** Folds the texts of up to 500 rows. Returns false when every row has its folded text. */
    work,

    /** Folds texts until every row has its folded text, but for at most `ms` milliseconds. */
    workFor(ms: number): void {
      for (const end = performance.now() + ms; performance.now() < end && work(); );
    }
  }
}

function columnWorker(client: Sqlite.Database, table: string, column: string, isUnfolded: string): () => boolean {
  const unfolded = client.prepare<[], UnfoldedRow>(
    `select id, cast(${column} as text) as text from ${table} where ${isUnfolded} limit ${ROWS_PER_RUN}`
  )
  const update = client.prepare(`update ${table} set ${column}_folded = ? where id = ?`)
  const transaction = client.transaction(() => {
    for (const { id, text } of unfolded.all()) update.run(foldText(text), id)
  }).immediate

  return () => {
    // Mostly there is nothing to do: look without the write lock first.
    if (!unfolded.get()) return false
    transaction()
    return true
  }
}
