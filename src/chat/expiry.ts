import type { Repositories } from '../db/repositories.ts'
import { EXPIRING_MS } from '../schemas/socket.ts'
import { CLOSE, type Connection } from './connection.ts'
import { HEARTBEAT_MS } from './heartbeat.ts'

/** Ends sockets with their session. A session that was used meanwhile, over HTTP, has been prolonged in the database. */
export class Expiry {
  readonly #sessions: Repositories['sessions']
  readonly #timers = new Map<Connection, NodeJS.Timeout>()

  constructor(sessions: Repositories['sessions']) {
    this.#sessions = sessions
  }

  /** To be called at every heartbeat: sets a timer when the end comes near. */
  check(connection: Connection): void {
    const left = connection.caller.session_expires_at - Date.now()
    if (left < EXPIRING_MS + HEARTBEAT_MS && !this.#timers.has(connection)) this.#wake(connection, left - EXPIRING_MS)
  }

  /** To be called once the socket is one of its session's: the session may have ended during the handshake. */
  async confirm(connection: Connection): Promise<void> {
    try {
      const found = await this.#sessions.find(connection.caller.session_id)
      if (!found && connection.open) connection.close(CLOSE.sessionEnded)
    } catch (error) {
      connection.log.error({ err: error }, 'a session cannot be checked')
    }
  }

  forget(connection: Connection): void {
    clearTimeout(this.#timers.get(connection))
    this.#timers.delete(connection)
  }

  #wake(connection: Connection, ms: number): void {
    const timer = setTimeout(() => void this.#look(connection), Math.max(0, ms)).unref()
    this.#timers.set(connection, timer)
  }

  async #look(connection: Connection): Promise<void> {
    const { caller, log } = connection
    try {
      const found = await this.#sessions.find(caller.session_id)
      if (!connection.open) return
      if (!found) return connection.close(CLOSE.sessionEnded)
      const { expires_at } = found.session
      caller.session_expires_at = expires_at
      const left = expires_at - Date.now()
      if (left > EXPIRING_MS) return this.forget(connection)
      connection.tell({ type: 'expiring', at: new Date(expires_at).toISOString() })
      this.#wake(connection, left)
    } catch (error) {
      log.error({ err: error }, 'a session cannot be checked')
      this.forget(connection)
    }
  }
}
