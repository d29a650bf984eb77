import type { Repositories } from '../../db/repositories.ts'
import { EXPIRING_MS } from '../../schemas/socket.ts'
import { CLOSE } from './close-codes.ts'
import type { Connection } from './connection.ts'
import { HEARTBEAT_MS } from './heartbeat.ts'

/**
 * Warns sockets before their session ends, and closes them when it has ended. HTTP requests prolong a session:
 * its current end is read from the database before both.
 */
export class SessionExpiry {
  readonly #sessions: Repositories['sessions']
  readonly #timers = new Map<Connection, NodeJS.Timeout>()
  /** When sessions end that were prolonged after the handshake, in milliseconds since 1970. */
  readonly #prolonged = new Map<Connection, number>()

  constructor(sessions: Repositories['sessions']) {
    this.#sessions = sessions
  }

  /** Sets a timer when the session ends soon. Call it with every ping. */
  check(connection: Connection): void {
    const expires_at = this.#prolonged.get(connection) ?? connection.caller.session_expires_at
    const left = expires_at - Date.now()
    if (left < EXPIRING_MS + HEARTBEAT_MS && !this.#timers.has(connection)) this.#wake(connection, left - EXPIRING_MS)
  }

  /** Closes a registered connection when its session ended during the handshake. */
  async confirm(connection: Connection): Promise<void> {
    try {
      const stored = await this.#sessions.find(connection.caller.session_id)
      if (!stored && connection.open) connection.close(CLOSE.sessionEnded)
    } catch (error) {
      connection.log.error({ err: error }, 'a session cannot be checked')
    }
  }

  /** Forgets a connection that has closed. */
  forget(connection: Connection): void {
    this.#cancelTimer(connection)
    this.#prolonged.delete(connection)
  }

  #cancelTimer(connection: Connection): void {
    clearTimeout(this.#timers.get(connection))
    this.#timers.delete(connection)
  }

  #wake(connection: Connection, ms: number): void {
    const timer = setTimeout(() => void this.#warnOrClose(connection), Math.max(0, ms)).unref()
    this.#timers.set(connection, timer)
  }

  /** After a failure of the database, the socket stays open: the next ping checks again. */
  async #warnOrClose(connection: Connection): Promise<void> {
    const { caller, log } = connection
    try {
      const stored = await this.#sessions.find(caller.session_id)
      if (!connection.open) return
      if (!stored) return connection.close(CLOSE.sessionEnded)
      const { expires_at } = stored.session
      const left = expires_at - Date.now()
      if (left > EXPIRING_MS) {
        this.#cancelTimer(connection)
        this.#prolonged.set(connection, expires_at)
        return this.check(connection)
      }
      connection.send({ type: 'expiring', at: new Date(expires_at).toISOString() })
      this.#wake(connection, left)
    } catch (error) {
      log.error({ err: error }, 'a session cannot be checked')
      this.#cancelTimer(connection)
    }
  }
}
