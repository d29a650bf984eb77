import { Type } from '@sinclair/typebox'
import { id, seq, strict } from './common.ts'

/**
 * The most bytes of a frame from a client, and of a body over HTTP; a longer frame ends the socket with 1009. The longest
 * text (10,000 characters) with the largest `data` (4 KiB) fits even when every character is escaped: an emoji takes 12
 * bytes then.
 */
export const FRAME_BYTES = 160 * 1024

/** The most pieces of a frame: small clients send a long text in pieces of 128 bytes. More end the socket with 1008. */
export const FRAGMENTS = 2048

/** Chats whose unread messages are counted in `ready`, and in each `unread` frame. */
export const UNREAD_ITEMS = 200

/** How long before the end of its session a socket is sent `expiring`, in milliseconds. */
export const EXPIRING_MS = 60_000

/** The query of `GET /ws`. */
export const SocketQuery = strict({
  chat_id: Type.Optional({
    ...id(`The only chat of this socket. Without it, a \`confab.v1\` socket carries all of your chats`),
    // /docs fills it in, so that the reply is 426 and not 400.
    examples: [1]
  }),
  after: Type.Optional(seq('Your cursor in this chat. Changes above this `seq` are sent first, then the live stream'))
})
