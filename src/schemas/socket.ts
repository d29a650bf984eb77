import { Type } from '@sinclair/typebox'
import { id, seq, strict } from './common.ts'

/**
 * Maximum size of a frame from a client, and of a body over HTTP, in bytes. A larger frame closes the socket with 1009.
 * The longest text (10,000 characters) with the largest `data` (4 KiB) fits, even when every character is escaped: an
 * escaped emoji has 12 bytes.
 */
export const FRAME_BYTES = 160 * 1024

/** Maximum number of fragments of a frame. More close the socket with 1008. Small devices send fragments of 128 bytes. */
export const FRAGMENTS = 2048

/** Maximum number of chats with unread counts in `ready`, and in each `unread` frame. */
export const UNREAD_ITEMS = 200

/** How long before the end of the session the server sends `expiring`, in milliseconds. */
export const EXPIRING_MS = 60_000

/** The query of `GET /ws`. */
export const SocketQuery = strict({
  chat_id: Type.Optional({
    ...id(`The only chat of this socket. Without it, a \`confab.v1\` socket carries all of your chats`),
    // /docs fills in the example, so that the reply is 426 and not 400.
    examples: [1]
  }),
  after: Type.Optional(seq('Your cursor in this chat. Changes above this `seq` are sent first, then the live stream'))
})
