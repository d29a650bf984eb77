import type Sqlite from 'better-sqlite3'
import type { ForeignWrites } from '../storage.ts'
import { throwStorageFailed } from './errors.ts'

/**
 * Reports writes of other processes to the same file. `pragma data_version` changes with every commit of another
 * connection (https://www.sqlite.org/pragma.html#pragma_data_version); what the commit changed is not known. Reading it
 * takes as long as the shortest query.
 */
export function foreignWrites(client: Sqlite.Database): ForeignWrites {
  const dataVersion = client.prepare<[], number>('pragma data_version').pluck()
  const listeners = new Set<() => void>()
  let reported = dataVersion.get()

  return {
    upToDate() {
      const current = readVersion()
      if (current !== reported) {
        reported = current
        for (const listener of listeners) listener()
      }
      return true
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }

  function readVersion(): number | undefined {
    try {
      return dataVersion.get()
    } catch (error) {
      return throwStorageFailed(error)
    }
  }
}
