import type { Repositories } from './repositories.ts'

/** Tells the cache what other processes have written to the database. */
export interface ForeignWrites {
  /**
   * Reports to the listeners what others committed before this call. Returns false when that cannot be known, for
   * example without a connection: the cache must then be bypassed. The cache calls this once per turn of the event
   * loop.
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
