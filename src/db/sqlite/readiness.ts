import { statSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type Sqlite from 'better-sqlite3'
import { isStorageFault } from './faults.ts'

/** After a write has failed, one is tried at most this often, in milliseconds. */
const TRY_MS = 2000
/** After a write has failed, the disk must have so many bytes free: one page may fit where a message does not. */
const LEAST_FREE = 1024 * 1024

/** Looks for one row of each table that most requests read, from the root of its b-tree down. */
const ROWS = ['users', 'sessions', 'chats', 'members', 'messages'].map(
  table => `(select 1 from ${table} order by rowid desc limit 1)`
)

/** Whether the database can be read and written. Nothing is written to find out while no write has failed. */
export class Readiness {
  readonly #client: Sqlite.Database
  readonly #read: Sqlite.Statement
  /** The file that is open, as the directory knew it then; none for `:memory:`. */
  readonly #opened: { dev: number; ino: number } | undefined
  /** Why the latest write failed, when it did. */
  #fault: unknown
  /** When a write may be tried, in milliseconds of the process. */
  #tryAt = 0

  constructor(client: Sqlite.Database) {
    this.#client = client
    this.#read = client.prepare(`select ${ROWS.join(', ')}`)
    this.#opened = client.memory ? undefined : statSync(client.name)
  }

  /** Something failed: when it was the storage, the next question finds out whether it still fails. */
  note(error: unknown): void {
    if (isStorageFault(error)) this.#fault = error
  }

  /** Resolves when the database can be read and, as far as is known, written. Throws the reason otherwise. */
  async check(): Promise<void> {
    await this.#sameFile()
    this.#read.get()
    if (!this.#fault) return
    await this.#room()
    // Another question may have found out meanwhile.
    if (this.#fault) this.#write()
  }

  /** Throws when the file was removed, replaced or emptied: new data would be lost when the server ends. */
  async #sameFile(): Promise<void> {
    if (!this.#opened) return
    const now = await stat(this.#client.name)
    if (now.dev === this.#opened.dev && now.ino === this.#opened.ino && now.size > 0) return
    throw new Error(`${this.#client.name} is no longer the file that this server has open`)
  }

  /** Throws what is remembered while the disk is as good as full. */
  async #room(): Promise<void> {
    if (!this.#opened) return
    const { bavail, bsize } = await statfs(dirname(this.#client.name))
    if (bavail * bsize < LEAST_FREE) throw this.#fault
  }

  /** Writes a page that stays the same. Throws what is remembered when the last attempt was a moment ago. */
  #write(): void {
    if (performance.now() < this.#tryAt) throw this.#fault
    this.#tryAt = performance.now() + TRY_MS
    const version = this.#client.pragma('user_version', { simple: true })
    this.#client.pragma(`user_version = ${version}`)
    this.#fault = undefined
  }
}
