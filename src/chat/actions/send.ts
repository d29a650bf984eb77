import type { SendFrame } from '../../schemas/frame.ts'
import type { Connection } from '../connection.ts'
import type { Log } from '../log.ts'

/** Stores what a socket says; the room broadcasts it to the others. */
export function send(log: Log, connection: Connection, frame: SendFrame): void {
  const { id, username } = connection.caller.user
  log.submit({
    change: { type: 'send', chat_id: connection.chat_id, user: { id, username }, text: frame.message.toWellFormed() },
    origin: connection,
    done(outcome) {
      if ('error' in outcome) connection.refuse(outcome.error)
    }
  })
}
