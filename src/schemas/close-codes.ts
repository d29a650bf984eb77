/** The close codes of a socket (RFC 6455, section 7.4): the reason, and what a client should do next. */
export const CLOSE_CODES: { code: number; why: string; next: string }[] = [
  { code: 1001, why: 'Going away', next: 'Reconnect' },
  { code: 1003, why: 'A binary frame was sent', next: 'Do not reconnect: fix the client' },
  { code: 1005, why: 'Closed without a code, by the client or by a proxy', next: 'Reconnect' },
  { code: 1006, why: 'No close frame: the connection broke', next: 'Reconnect' },
  { code: 1007, why: 'A text frame was not UTF-8', next: 'Do not reconnect: fix the client' },
  {
    code: 1008,
    why: 'Flooding: more than 10 refusals a second, or a frame in more than 2,048 fragments',
    next: 'Do not reconnect: fix the client'
  },
  { code: 1009, why: 'A frame was larger than 160 KiB', next: 'Do not reconnect: fix the client' },
  { code: 1011, why: 'Something failed on the server', next: 'Reconnect' },
  { code: 1012, why: 'The server restarts', next: 'Reconnect, after the `after_ms` of `bye`' },
  { code: 1013, why: 'The server is overloaded', next: 'Reconnect' },
  { code: 4401, why: 'The session has ended', next: 'Log in, then reconnect' },
  { code: 4403, why: 'Removed from the chat, or the chat was deleted', next: 'Do not reconnect' },
  { code: 4408, why: 'Too slow: nothing was read for 30 s, or less than 8 KB/s', next: 'Reconnect' }
]
