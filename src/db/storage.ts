import type { Repositories } from './repositories.ts'

/** Tells the cache what other processes have written to the database. */
export interface ForeignWrites {
  /**
   * Reports to the listeners the writes that this process knows of by now. SQLite knows every write committed before
   * this call; a database that sends notifications knows those whose notification has arrived. Returns false while
   * writes may go unnoticed, for example without a connection: the cache must then be bypassed. The first call that
   * returns true again reports a write, because one may have been missed. Throws STORAGE_FAILED when the storage
   * fails. The cache calls this once per turn of the event loop.
   */
  upToDate(): boolean
  /** Calls `listener` when others have written anything. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void
}

/** A database as its folder provides it. */
export interface Storage {
  repositories: Repositories
  foreignWrites: ForeignWrites
}
