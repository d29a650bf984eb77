import type { SendFrame } from '../../schemas/frame.ts'
import type { Cursor } from '../delivery/cursor.ts'
import type { Log } from '../log.ts'
import type { Respond } from '../socket/connection.ts'
import { errorFrame } from '../socket/frames.ts'
import { refusal } from './replies.ts'

/** Stores a message in the next batch of the log. The room broadcasts and acks it; the only reply is an error. */
export function send(
  log: Log,
  { connection, chat_id }: Cursor,
  { message, client_id, reply_to, data }: SendFrame,
  respond: Respond
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
    onResult(result) {
      if (!('error' in result)) return
      respond(errorFrame({ ...refusal(result.error), ...(client_id === undefined ? {} : { client_id }) }))
    }
  })
}
