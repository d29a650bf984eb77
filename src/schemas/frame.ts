import { type Static, type TProperties, Type } from '@sinclair/typebox'
import { Chat, readId, unreadCount } from './chat.ts'
import { epoch, id, moment, oneOf, ref, seq, strict } from './common.ts'
import { data } from './data.ts'
import { clientId, messageFields, text } from './message.ts'
import { User } from './user.ts'

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

/** The subprotocol (RFC 6455, section 1.9) with acks, resume and events. */
export const SUBPROTOCOL = 'confab.v1'

/** How long before the end of its session a socket is sent `expiring`, in milliseconds. */
export const EXPIRING_MS = 60_000

/** The query of `GET /ws`. */
export const SocketQuery = strict({
  chat_id: Type.Optional(
    id(`The chat that this socket is for. Left out, a \`${SUBPROTOCOL}\` socket carries all chats of the user`)
  ),
  after: Type.Optional(seq('My cursor in this chat: what came after this `seq` is sent first, then the live stream'))
})

const whichChat = Type.Optional(id('The chat; may be left out on a socket that is for one chat'))

function incoming<T extends string, P extends TProperties>(type: T, properties: P, description: string) {
  return Type.Object(
    { type: Type.Literal(type, { description: 'What the frame is' }), ...properties },
    { additionalProperties: false, description }
  )
}

const sendFields = {
  chat_id: whichChat,
  message: text,
  client_id: Type.Optional(clientId),
  reply_to: Type.Optional(id('The message of this chat that this one answers')),
  data: Type.Optional(data('message'))
}

/** What clients send, by type. `send` is the one whose type may be left out. */
export const incomingFrames = {
  send: Type.Object(
    { type: Type.Optional(Type.Literal('send', { description: 'May be left out' })), ...sendFields },
    {
      additionalProperties: false,
      description: `Store this message and broadcast it to the others; with \`${SUBPROTOCOL}\`, answered by \`ack\``
    }
  ),
  resume: incoming(
    'resume',
    {
      chats: Type.Array(strict({ chat_id: id('The chat'), after: seq('My cursor: the highest `seq` I have seen') }), {
        minItems: 1,
        maxItems: 1000,
        description: 'The cursors to set, up to 1000'
      })
    },
    'Set cursors: what I missed follows in ascending `seq`, then `live`. Until that, I keep the old cursor'
  ),
  typing: incoming('typing', { chat_id: whichChat }, 'I am typing; at most one every 3 s is passed on'),
  read: incoming('read', { chat_id: whichChat, id: seq('I have read up to this message id') }, 'Moves my read marker'),
  ping: incoming('ping', {}, 'Answered by `pong`, for browsers, which cannot send protocol pings')
} as const

export type SendFrame = Static<typeof incomingFrames.send>
export type ResumeFrame = Static<typeof incomingFrames.resume>
export type TypingFrame = Static<typeof incomingFrames.typing>
export type ReadFrame = Static<typeof incomingFrames.read>
export type PingFrame = Static<typeof incomingFrames.ping>
export type IncomingFrame = SendFrame | ResumeFrame | TypingFrame | ReadFrame | PingFrame

function outgoing<T extends string, P extends TProperties>(type: T, properties: P, description: string) {
  return Type.Object(
    { type: Type.Literal(type, { description: 'What the frame is' }), ...properties },
    { additionalProperties: false, description }
  )
}

const inChat = id('The chat')
const userId = id('The account')

/** What the server sends, by type. A plain socket receives `message` (new ones) and `error` only. */
export const outgoingFrames = {
  ready: outgoing(
    'ready',
    {
      user: ref(User),
      chats: Type.Array(
        Type.Object(
          {
            chat_id: inChat,
            seq: seq('Where the live stream begins: the number of the latest change'),
            read_id: Type.Optional(readId),
            unread_count: Type.Optional(unreadCount)
          },
          { additionalProperties: false }
        ),
        {
          description:
            'The chats of this socket. `unread_count` counts up to `seq`. Of more than 200 chats, the 200 of latest ' +
            'activity have `read_id` and `unread_count`; those of the others follow in `unread` frames'
        }
      ),
      epoch,
      heartbeat_ms: Type.Integer({
        description: 'How often the server pings; silence for twice as long ends the socket'
      }),
      session_expires_at: moment('When the session ends unless it is used')
    },
    'The first frame'
  ),
  unread: outgoing(
    'unread',
    {
      items: Type.Array(
        Type.Object({ chat_id: inChat, read_id: readId, unread_count: unreadCount }, { additionalProperties: false }),
        { minItems: 1, maxItems: UNREAD_ITEMS, description: 'One for each chat' }
      )
    },
    'After `ready`: what I have not read of those chats that `ready` says nothing of, counted up to the `seq` it gave'
  ),
  message: outgoing('message', messageFields, 'A message was created or changed: the whole message as it now is'),
  ack: outgoing(
    'ack',
    {
      chat_id: inChat,
      client_id: Type.Optional(clientId),
      id: id('The message'),
      seq: seq('The number of its latest change'),
      created_at: moment('When it was stored'),
      duplicate: Type.Boolean({
        description:
          'Whether the `client_id` was used before. This is then the first message, which comes in a `message` frame ' +
          'of its own, and its `seq` is no cursor'
      })
    },
    'My message is committed and on disk; this stands for its `message` frame. Acks of a chat come in the order of the ' +
      'sends'
  ),
  live: outgoing(
    'live',
    { chat_id: inChat, seq: seq('Everything up to this number was sent') },
    'The replay that I asked for is complete; what follows is live'
  ),
  error: outgoing(
    'error',
    {
      code: Type.String({ description: 'A stable code, as in HTTP errors', examples: ['VALIDATION_FAILED'] }),
      detail: Type.String({ description: 'A sentence for people; it may change' }),
      client_id: Type.Optional(Type.String({ description: 'Of the `send` that was refused, when it had one' })),
      retry_after_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'Try again after that many milliseconds' }))
    },
    'A frame of mine was refused; the socket stays open'
  ),
  typing: outgoing(
    'typing',
    { chat_id: inChat, user_ids: Type.Array(userId, { description: 'Everybody who is typing now; may be empty' }) },
    'Who is typing: the full list; an entry expires after 6 s'
  ),
  presence: outgoing(
    'presence',
    {
      chat_id: inChat,
      online: Type.Optional(Type.Array(userId, { description: 'Who has an open socket, up to 100 people' })),
      online_count: Type.Optional(Type.Integer({ minimum: 101, description: 'Instead of `online` above 100 people' }))
    },
    'Who is online changed; at most every 1.5 s a chat'
  ),
  read: outgoing(
    'read',
    { chat_id: inChat, user_id: userId, id: seq('They have read up to this message id') },
    'The read marker of somebody, perhaps of mine on another device, moved'
  ),
  chat: outgoing(
    'chat',
    {
      change: oneOf(['added', 'updated', 'removed'], { description: 'What happened' }),
      chat: Type.Object(
        { ...Type.Partial(Chat).properties, id: inChat },
        { additionalProperties: false, description: 'The chat: its `id`, and what is told of it' }
      )
    },
    'My membership or the chat itself changed: `added` has the whole chat, `updated` what everybody sees of it or my ' +
      'new role, `removed` its id'
  ),
  expiring: outgoing(
    'expiring',
    { at: moment('When the session ends') },
    'The session ends within 60 s: log in again and reconnect with the new cookie'
  ),
  bye: outgoing(
    'bye',
    { after_ms: Type.Integer({ minimum: 0, description: 'Reconnect after that many milliseconds' }) },
    'The server is going away'
  ),
  pong: outgoing('pong', {}, 'The answer to `ping`')
} as const

export type OutgoingFrame = {
  [T in keyof typeof outgoingFrames]: Static<(typeof outgoingFrames)[T]>
}[keyof typeof outgoingFrames]
