import type { Bus } from '../../bus/bus.ts'
import type { IncomingFrame } from '../../schemas/frame.ts'
import type { Cursor } from '../delivery/cursor.ts'
import type { Log } from '../log.ts'
import type { Connection } from '../socket/connection.ts'
import { read } from './read.ts'
import { resume } from './resume.ts'
import { send } from './send.ts'

/** What each frame of a client does. */
export function actor(bus: Bus, log: Log): (connection: Connection, frame: IncomingFrame) => void {
  return (connection, frame) => {
    if (frame.type === 'ping') return connection.tell({ type: 'pong' })
    if (frame.type === 'resume') return resume(connection, frame)
    const cursor = cursorOf(connection, frame)
    if (!cursor) return
    switch (frame.type) {
      case 'typing':
        return cursor.room.typing.note(connection.caller.user.id)
      case 'read':
        return read(bus, log, cursor, frame)
      default:
        return send(log, cursor, frame)
    }
  }
}

/** The cursor of the chat that a frame is about; without one, the client is told and nothing else happens. */
function cursorOf(connection: Connection, frame: { chat_id?: number; client_id?: string }): Cursor | undefined {
  const chat_id = frame.chat_id ?? connection.chat_id
  const named = frame.client_id === undefined ? {} : { client_id: frame.client_id }
  if (chat_id === undefined) {
    const detail = 'frame must have chat_id: this socket carries more than one chat'
    connection.refuse({ code: 'VALIDATION_FAILED', detail, field: 'chat_id', ...named })
    return undefined
  }
  const cursor = connection.cursors.get(chat_id)
  if (!cursor)
    connection.refuse({ code: 'CHAT_NOT_FOUND', detail: `This socket does not carry chat ${chat_id}`, ...named })
  return cursor
}
