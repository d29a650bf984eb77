import Sqlite from 'better-sqlite3'
import { ChatError } from '../../errors.ts'

/** After so long, a client may try again what the disk refused. In seconds. */
const RETRY_S = 5

/**
 * The result codes that say what is wrong with the disk or the file, and not with what was asked
 * (https://www.sqlite.org/rescode.html): no space, a failed read or write, no permission, a damaged file, a lock. Each
 * stands for its extended codes too, such as SQLITE_IOERR_FSYNC. An operator can mend all of them; a client can wait.
 */
const STORAGE = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|PERM|NOLFS|PROTOCOL|BUSY|LOCKED)(_|$)/

/** Whether the storage failed, and not the statement. Drizzle wraps what SQLite says. */
export function isStorageFault(error: unknown): boolean {
  if (error instanceof Sqlite.SqliteError) return STORAGE.test(error.code)
  return error instanceof Error && isStorageFault(error.cause)
}

type Functions = Record<string, (...args: never[]) => Promise<unknown>>

/** The same repository, whose functions throw STORAGE_FAILED when the storage fails. */
export function guarded<Repository extends Functions>(repository: Repository): Repository {
  const calls = Object.entries(repository).map(([name, call]) => [
    name,
    (...args: never[]) => call(...args).catch(refuse)
  ])
  return Object.fromEntries(calls) as Repository
}

/** The same for work that is done piece by piece. */
export async function* guardedWork<T>(work: AsyncGenerator<void, T>): AsyncGenerator<void, T> {
  try {
    return yield* work
  } catch (cause) {
    return refuse(cause)
  }
}

function refuse(cause: unknown): never {
  if (cause instanceof ChatError || !isStorageFault(cause)) throw cause
  throw new ChatError('STORAGE_FAILED', { retryAfter: RETRY_S, cause })
}
