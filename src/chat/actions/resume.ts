import type { ResumeFrame } from '../../schemas/frame.ts'
import type { Cursors } from '../delivery/rooms.ts'
import { type ErrorFrame, errorFrame } from '../socket/frames.ts'
import { notCarried } from './replies.ts'

/**
 * Moves cursors, back or forth. Each catches up to the head of its chat, then its socket gets `live`. Yields errors one
 * by one while it moves them, because a `live` can be written between two errors.
 */
export function* resume(cursors: Cursors, { chats }: ResumeFrame): Generator<ErrorFrame> {
  for (const { chat_id, after } of chats) {
    const cursor = cursors.get(chat_id)
    if (!cursor) {
      yield errorFrame(notCarried(chat_id))
      continue
    }
    cursor.seq = after
    cursor.announceLive = true
    cursor.room.fallBehind(cursor)
  }
}
