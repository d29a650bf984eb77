import type { ResumeFrame } from '../../schemas/frame.ts'
import type { Connection } from '../socket/connection.ts'

/** Sets cursors back, or forth: the log fills the way from there to the head, then says `live`. */
export function resume(connection: Connection, { chats }: ResumeFrame): void {
  for (const { chat_id, after } of chats) {
    const cursor = connection.cursors.get(chat_id)
    if (!cursor) {
      connection.refuse({ code: 'CHAT_NOT_FOUND', detail: `This socket does not carry chat ${chat_id}` })
      continue
    }
    cursor.seq = after
    cursor.announce = true
    cursor.room.fallBehind(cursor)
  }
}
