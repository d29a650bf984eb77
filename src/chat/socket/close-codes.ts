/** Why the server closes a socket: the close code and the reason, both sent to the client (RFC 6455, section 7.4). */
export const CLOSE = {
  binary: [1003, 'text frames only'],
  flooding: [1008, 'flooding'],
  internal: [1011, 'internal error'],
  restart: [1012, 'restart'],
  sessionEnded: [4401, 'session ended'],
  removed: [4403, 'removed from the chat'],
  tooSlow: [4408, 'too slow']
} as const

export type CloseReason = (typeof CLOSE)[keyof typeof CLOSE]
