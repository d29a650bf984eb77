import type { SendFrame } from '../../schemas/frame.ts'
import type { Cursor } from '../delivery/cursor.ts'
import type { Log } from '../log.ts'
import { refusal } from './refusal.ts'

/** Stores what a socket says. The room broadcasts it to the others and acks it; a refusal is answered here. */
export function send(
  log: Log,
  { connection, chat_id }: Cursor,
  { message, client_id, reply_to, data }: SendFrame
): void {
  log.submit({
    change: {
      type: 'send',
      chat_id,
      user: connection.caller.sender,
      text: message.toWellFormed(),
      client_id,
      reply_to,
      data
    },
    origin: connection,
    done(outcome) {
      if (!('error' in outcome)) return
      connection.refuse({ ...refusal(outcome.error), ...(client_id === undefined ? {} : { client_id }) })
    }
  })
}
