import Sqlite from 'better-sqlite3'
import type { Test } from 'tap'

/**
 * Records the SQLite connections that are opened from now on, until the test ends. Returns a function that finds the
 * connection of the server to a file, so that a test can make its disk fail.
 */
export function watchConnections(t: Test): (file: string) => Sqlite.Database {
  const opened = new Set<Sqlite.Database>()
  const { pragma } = Sqlite.prototype
  Sqlite.prototype.pragma = function (...args) {
    opened.add(this)
    return pragma.apply(this, args)
  }
  t.teardown(() => {
    Sqlite.prototype.pragma = pragma
  })
  return file => {
    const found = [...opened].find(({ name }) => name === file)
    if (!found) throw new Error(`${file} was not opened`)
    return found
  }
}
