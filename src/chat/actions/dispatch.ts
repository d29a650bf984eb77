import type { Bus } from '../../bus/bus.ts'
import type { Cursors } from '../delivery/rooms.ts'
import type { Log } from '../log.ts'
import type { Act } from '../socket/connection.ts'
import { type ErrorFrame, errorFrame } from '../socket/frames.ts'
import { read } from './read.ts'
import { notCarried } from './replies.ts'
import { resume } from './resume.ts'
import { send } from './send.ts'

/** Makes the `act` of a socket with these cursors. `only`: the only chat of the socket, if it has one. */
export type Dispatcher = (only: number | undefined, cursors: Cursors) => Act

/** Carries out each frame by the action of its type. Actions return their replies; only the connection writes them. */
export function dispatcher(bus: Bus, log: Log): Dispatcher {
  return (only, cursors) => (frame, respond) => {
    if (frame.type === 'ping') return [{ type: 'pong' }]
    if (frame.type === 'resume') return resume(cursors, frame)
    const chat_id = frame.chat_id ?? only
    const cursor = chat_id === undefined ? undefined : cursors.get(chat_id)
    if (!cursor) return [noCursor(chat_id, frame)]
    switch (frame.type) {
      case 'typing':
        cursor.room.typing.start(cursor.connection.caller.user.id)
        break
      case 'read':
        read(bus, log, cursor, frame, respond)
        break
      case 'send':
      case undefined:
        send(log, cursor, frame, respond)
        break
      default:
        // The compiler refuses a type of frame without an action.
        frame satisfies never
    }
    return undefined
  }
}

/** The error for a frame about a chat that the socket does not carry, or that names no chat. */
function noCursor(chat_id: number | undefined, { client_id }: { chat_id?: number; client_id?: string }): ErrorFrame {
  const named = client_id === undefined ? {} : { client_id }
  if (chat_id !== undefined) return errorFrame({ ...notCarried(chat_id), ...named })
  const detail = 'frame must have chat_id: this socket carries more than one chat'
  return errorFrame({ code: 'VALIDATION_FAILED', detail, field: 'chat_id', ...named })
}
