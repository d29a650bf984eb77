import { statSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type Sqlite from 'better-sqlite3'
import { isStorageFault } from './errors.ts'

/** The shortest time between two attempts to write after a write failed, in milliseconds. */
const WRITE_INTERVAL_MS = 2000
/** Bytes that must be free on the disk after a write failed: a page may fit where a message does not. */
const MIN_FREE_BYTES = 1024 * 1024

/** Reads one row of each table that most requests read, from the root of its b-tree down. */
const ROWS = ['users', 'sessions', 'chats', 'members', 'messages'].map(
  table => `(select 1 from ${table} order by rowid desc limit 1)`
)

/** Checks whether the database can be read and written. Writes nothing unless a write has failed before. */
export class Readiness {
  readonly #client: Sqlite.Database
  readonly #readRows: Sqlite.Statement
  /** The identity of the open file; undefined for `:memory:`. */
  readonly #opened: { dev: number; ino: number } | undefined
  /** The reason why the latest write failed; undefined when it did not. */
  #fault: unknown
  /** The time of the next attempt to write, in milliseconds of `performance.now()`. */
  #nextWriteAt = 0

  constructor(client: Sqlite.Database) {
    this.#client = client
    this.#readRows = client.prepare(`select ${ROWS.join(', ')}`)
    this.#opened = client.memory ? undefined : statSync(client.name)
  }

  /** Notes that a change failed. After a fault of the storage, the next check tries to write. */
  noteFailure(error: unknown): void {
    if (isStorageFault(error)) this.#fault = error
  }

  /** Resolves when the database can be read and, as far as is known, written. Throws the reason otherwise. */
  async check(): Promise<void> {
    await this.#checkFile()
    this.#readRows.get()
    if (!this.#fault) return
    await this.#checkFreeSpace()
    // Another check may have written in the meantime.
    if (this.#fault) this.#write()
  }

  /** Throws when the file was removed, replaced or truncated: new data would be lost when the server ends. */
  async #checkFile(): Promise<void> {
    if (!this.#opened) return
    const now = await stat(this.#client.name)
    if (now.dev === this.#opened.dev && now.ino === this.#opened.ino && now.size > 0) return
    throw new Error(`${this.#client.name} is no longer the file that this server has open`)
  }

  /** Throws the latest fault while the disk is almost full. */
  async #checkFreeSpace(): Promise<void> {
    if (!this.#opened) return
    const { bavail, bsize } = await statfs(dirname(this.#client.name))
    if (bavail * bsize < MIN_FREE_BYTES) throw this.#fault
  }

  /** Writes a page without changing it. Throws the latest fault when the last attempt was too recent. */
  #write(): void {
    if (performance.now() < this.#nextWriteAt) throw this.#fault
    this.#nextWriteAt = performance.now() + WRITE_INTERVAL_MS
    const version = this.#client.pragma('user_version', { simple: true })
    this.#client.pragma(`user_version = ${version}`)
    this.#fault = undefined
  }
}
