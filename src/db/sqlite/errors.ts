import Sqlite from 'better-sqlite3'
import { ChatError } from '../../errors.ts'

/** Clients may retry this many seconds after the disk failed. */
const RETRY_AFTER_S = 5

/**
 * Result codes that report a fault of the disk or the file, not of the statement (https://www.sqlite.org/rescode.html):
 * no space, a failed read or write, no permission, a damaged file, a lock. Each stands for its extended codes too, such
 * as SQLITE_IOERR_FSYNC. An operator can repair all of them, and clients can retry.
 */
const STORAGE_FAULT = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|PERM|NOLFS|PROTOCOL|BUSY|LOCKED)(_|$)/

/** The code of an error of SQLite; undefined for any other error. Drizzle wraps errors of SQLite. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Sqlite.SqliteError) return error.code
  return error instanceof Error ? codeOf(error.cause) : undefined
}

/** Whether another process holds the lock (https://www.sqlite.org/rescode.html#busy). */
export function isBusy(error: unknown): boolean {
  return codeOf(error)?.startsWith('SQLITE_BUSY') ?? false
}

/** Whether the storage failed, and not the statement. */
export function isStorageFault(error: unknown): boolean {
  return STORAGE_FAULT.test(codeOf(error) ?? '')
}

/** Throws STORAGE_FAILED for a fault of the storage, and any other error as it is. */
export function throwStorageFailed(cause: unknown): never {
  if (cause instanceof ChatError || !isStorageFault(cause)) throw cause
  throw new ChatError('STORAGE_FAILED', { retryAfter: RETRY_AFTER_S, cause })
}

type AsyncFunction = (...args: never[]) => Promise<unknown>

/** Returns the same repository with every function replaced by what `wrap` makes of it. */
export function wrapFunctions<Repository extends { [Name in keyof Repository]: AsyncFunction }>(
  repository: Repository,
  wrap: (call: AsyncFunction) => AsyncFunction
): Repository {
  const functions: [string, AsyncFunction][] = Object.entries(repository)
  return Object.fromEntries(functions.map(([name, call]) => [name, wrap(call)])) as Repository
}

/** Returns the same repository; its functions throw STORAGE_FAILED when the storage fails. */
export function withStorageErrors<Repository extends { [Name in keyof Repository]: AsyncFunction }>(
  repository: Repository
): Repository {
  return wrapFunctions(
    repository,
    call =>
      (...args) =>
        call(...args).catch(throwStorageFailed)
  )
}

/** The same for a generator. */
export async function* generatorWithStorageErrors<T>(steps: AsyncGenerator<void, T>): AsyncGenerator<void, T> {
  try {
    return yield* steps
  } catch (cause) {
    return throwStorageFailed(cause)
  }
}
