import Sqlite from 'better-sqlite3'
import type { Test } from 'tap'

/**
 * Watches which SQLite connections are opened from now on, until the test ends. Returns a function that finds the one of
 * the server to a file, so that a test can take its disk away.
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
