import type { Bus } from '../../bus/bus.ts'
import type { Success } from '../../db/changes.ts'
import type { ReadFrame } from '../../schemas/frame.ts'
import type { Cursor } from '../delivery/cursor.ts'
import type { Log } from '../log.ts'
import type { Respond } from '../socket/connection.ts'
import { errorFrame } from '../socket/frames.ts'
import { refusal } from './replies.ts'

/** Stores a read marker in the next batch of the log. The reply is an error, or none. */
export function read(bus: Bus, log: Log, { connection, chat_id }: Cursor, { id }: ReadFrame, respond: Respond): void {
  const user = connection.caller.sender
  log.submit({
    change: { type: 'read', chat_id, user, id },
    onResult(result) {
      if ('error' in result) respond(errorFrame(refusal(result.error)))
      else publishRead(bus, chat_id, user.id, result)
    }
  })
}

/** Publishes a read marker to the sockets of the chat, when it has moved. */
export function publishRead(bus: Bus, chat_id: number, user_id: number, { read_id }: Success): void {
  if (read_id !== undefined) bus.publish({ type: 'read', chat_id, user_id, id: read_id })
}
