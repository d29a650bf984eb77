import type { ErrorCode } from '../../errors.ts'
import type { FrameError } from '../socket/frames.ts'

/** When a client may send a change again that could not be stored, in milliseconds. */
const RETRY_MS = 1000

/** The error for a change that the log refused. It has `retry_after_ms` when a retry can succeed. */
export function refusal(code: ErrorCode): FrameError {
  const temporary = code === 'OVERLOADED' || code === 'STORAGE_FAILED'
  return temporary ? { code, retry_after_ms: RETRY_MS } : { code }
}

/** The error for a frame about a chat in which the socket has no cursor. */
export function notCarried(chat_id: number): FrameError {
  return { code: 'CHAT_NOT_FOUND', detail: `This socket does not carry chat ${chat_id}` }
}
