import type { Bus } from '../../bus/bus.ts'
import type { Success } from '../../db/changes.ts'
import type { ReadFrame } from '../../schemas/frame.ts'
import type { Cursor } from '../cursor.ts'
import type { Log } from '../log.ts'
import { refusal } from './refusal.ts'

/** Moves a read marker, on disk with the batch that it comes in. A refusal is answered here. */
export function read(bus: Bus, log: Log, { connection, chat_id }: Cursor, { id }: ReadFrame): void {
  const user = connection.caller.sender
  log.submit({
    change: { type: 'read', chat_id, user, id },
    done(outcome) {
      if ('error' in outcome) connection.refuse(refusal(outcome.error))
      else tellRead(bus, chat_id, user.id, outcome)
    }
  })
}

/** Tells the chat how far somebody has read, when that has changed. */
export function tellRead(bus: Bus, chat_id: number, user_id: number, { read_id }: Success): void {
  if (read_id !== undefined) bus.publish({ type: 'read', chat_id, user_id, id: read_id })
}
