import type { SendFrame } from '../../schemas/frame.ts'
import type { Cursor } from '../cursor.ts'
import type { Log } from '../log.ts'

/** How long to wait before sending again what the server was too busy for, in milliseconds. */
const RETRY_MS = 1000

/** Stores what a socket says. The room broadcasts it to the others and acks it; a refusal is answered here. */
export function send(log: Log, { connection, chat_id }: Cursor, { message, client_id, reply_to }: SendFrame): void {
  log.submit({
    change: {
      type: 'send',
      chat_id,
      user: connection.caller.sender,
      text: message.toWellFormed(),
      client_id,
      reply_to
    },
    origin: connection,
    done(outcome) {
      if (!('error' in outcome)) return
      const busy = outcome.error === 'OVERLOADED' || outcome.error === 'STORAGE_FAILED'
      connection.refuse({
        code: outcome.error,
        ...(client_id === undefined ? {} : { client_id }),
        ...(busy ? { retry_after_ms: RETRY_MS } : {})
      })
    }
  })
}
