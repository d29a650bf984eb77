import { type Static, type TProperties, Type } from '@sinclair/typebox'
import { Chat, readId, unreadCount } from './chat.ts'
import { ErrorCode, epoch, field, id, oneOf, ref, seq, timestamp } from './common.ts'
import { data } from './data.ts'
import { clientId, messageFields, text } from './message.ts'
import { UNREAD_ITEMS } from './socket.ts'
import { User } from './user.ts'

/** The subprotocol (RFC 6455, section 1.9) with acks, resume and events. */
export const SUBPROTOCOL = 'confab.v1'

const whichChat = Type.Optional(id('The chat. Optional on a socket for one chat'))

/** The schema of a frame. Generators use the title as its name: the sender, then the type. */
function frame<T extends string, P extends TProperties>(sender: string, type: T, properties: P, description: string) {
  return Type.Object(
    { type: Type.Literal(type, { description: 'The type of the frame' }), ...properties },
    { title: titleOf(sender, type), additionalProperties: false, description }
  )
}

function titleOf(sender: string, type: string): string {
  return `${sender}${type[0]?.toUpperCase()}${type.slice(1)}`
}

const incoming = <T extends string, P extends TProperties>(type: T, properties: P, description: string) =>
  frame('Client', type, properties, description)

const sendFields = {
  chat_id: whichChat,
  message: text,
  client_id: Type.Optional(clientId),
  reply_to: Type.Optional(id('The message of the same chat that this one answers')),
  data: Type.Optional(data('message'))
}

/** The frames that clients send, by type. Only `send` may omit its type. */
export const incomingFrames = {
  send: Type.Object(
    { type: Type.Optional(Type.Literal('send', { description: 'The type of the frame. Optional' })), ...sendFields },
    {
      title: titleOf('Client', 'send'),
      additionalProperties: false,
      description: `Stores a message and broadcasts it. With \`${SUBPROTOCOL}\`, the answer is \`ack\` or \`error\``
    }
  ),
  resume: incoming(
    'resume',
    {
      chats: Type.Array(
        Type.Object(
          { chat_id: id('The chat'), after: seq('Your cursor: the `seq` up to which you have every change') },
          { title: 'Cursor', additionalProperties: false, description: 'A cursor in a chat' }
        ),
        { minItems: 1, maxItems: 1000, description: 'The cursors to set, up to 1000' }
      )
    },
    'Sets cursors. The missed messages follow in ascending `seq`, then `live`. Keep the old cursor until `live` arrives'
  ),
  typing: incoming(
    'typing',
    { chat_id: whichChat },
    'Says that you are typing. Send it every 3 s while the text grows: the entry expires 6 s after the last frame'
  ),
  read: incoming(
    'read',
    { chat_id: whichChat, id: seq('The message id up to which you have read') },
    'Moves your read marker forward, never back'
  ),
  ping: incoming('ping', {}, 'Asks for `pong`. For browsers, which cannot send pings of the WebSocket protocol')
} as const

export type SendFrame = Static<typeof incomingFrames.send>
export type ResumeFrame = Static<typeof incomingFrames.resume>
export type TypingFrame = Static<typeof incomingFrames.typing>
export type ReadFrame = Static<typeof incomingFrames.read>
export type PingFrame = Static<typeof incomingFrames.ping>
export type IncomingFrame = Static<(typeof incomingFrames)[keyof typeof incomingFrames]>

const outgoing = <T extends string, P extends TProperties>(type: T, properties: P, description: string) =>
  frame('Server', type, properties, description)

const inChat = id('The chat')
const userId = id('The account')

/** The frames that the server sends, by type. A plain socket receives only `message`, for new messages, and `error`. */
export const outgoingFrames = {
  ready: outgoing(
    'ready',
    {
      user: ref(User),
      chats: Type.Array(
        Type.Object(
          {
            chat_id: inChat,
            seq: seq('The number of the latest change. The live stream begins after it'),
            read_id: Type.Optional(readId),
            unread_count: Type.Optional(unreadCount)
          },
          { title: 'ReadyChat', additionalProperties: false, description: 'The state of a chat' }
        ),
        {
          description:
            'The chats of this socket. `unread_count` counts up to `seq`. When there are more than 200 chats, the 200 ' +
            'with the latest activity have `read_id` and `unread_count`; `unread` frames bring those of the others'
        }
      ),
      epoch,
      heartbeat_ms: Type.Integer({
        description: 'The time between two pings of the server. The server disconnects a client that misses two pings'
      }),
      session_expires_at: timestamp('The time when the session ends if it is not used')
    },
    'The first frame'
  ),
  unread: outgoing(
    'unread',
    {
      items: Type.Array(
        Type.Object(
          { chat_id: inChat, read_id: readId, unread_count: unreadCount },
          { title: 'UnreadChat', additionalProperties: false, description: 'The unread messages of a chat' }
        ),
        { minItems: 1, maxItems: UNREAD_ITEMS, description: 'The chats, up to 200 in a frame' }
      )
    },
    'The read markers and unread counts that `ready` omitted. They count up to the `seq` that `ready` gave'
  ),
  message: outgoing(
    'message',
    messageFields,
    'A message was created or changed. The frame has its whole current state'
  ),
  ack: outgoing(
    'ack',
    {
      chat_id: inChat,
      client_id: Type.Optional(clientId),
      id: id('The message'),
      seq: seq('The number of the latest change of the message'),
      created_at: timestamp('The time when the message was stored'),
      duplicate: Type.Boolean({
        description:
          'Whether the `client_id` was used before. If so, `id` is the first message, which comes in a `message` frame of ' +
          'its own, and `seq` must not move your cursor'
      })
    },
    'Your message is committed and on disk. The sending socket gets `ack` instead of `message`. Acks of a chat come in the ' +
      'order of the sends'
  ),
  live: outgoing(
    'live',
    { chat_id: inChat, seq: seq('Your new cursor: every change up to this number was sent') },
    'The replay of a chat is complete. The live stream follows'
  ),
  error: outgoing(
    'error',
    {
      code: ref(ErrorCode),
      detail: Type.String({ description: 'A sentence for people; the wording may change' }),
      field: field('In this frame, `detail` begins with `frame`'),
      client_id: Type.Optional(Type.String({ description: 'The `client_id` of the refused `send`, if it had one' })),
      retry_after_ms: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: 'Send the same frame again after this many milliseconds. Omitted when a retry is of no use'
        })
      )
    },
    'A frame of yours was refused. The socket stays open'
  ),
  typing: outgoing(
    'typing',
    {
      chat_id: inChat,
      user_ids: Type.Array(userId, { description: 'Everybody who is typing, up to 100 people. Can be empty' })
    },
    'The full list of people who are typing. It is sent when it changes, at most every 0.5 s a chat'
  ),
  presence: outgoing(
    'presence',
    {
      chat_id: inChat,
      online: Type.Optional(Type.Array(userId, { description: 'The people who have an open socket, up to 100' })),
      online_count: Type.Optional(
        Type.Integer({
          minimum: 101,
          description: 'The number of people who have an open socket, when it is above 100'
        })
      )
    },
    'The people who are online have changed. At most every 1.5 s a chat'
  ),
  read: outgoing(
    'read',
    { chat_id: inChat, user_id: userId, id: seq('The message id up to which this account has read') },
    'A read marker has moved, perhaps your own on another device'
  ),
  chat: outgoing(
    'chat',
    {
      change: oneOf(['added', 'updated', 'removed'], {
        title: 'ChatEvent',
        description:
          '`added`: you are now a member. `updated`: the chat or your role has changed. `removed`: you are no longer a ' +
          'member, or the chat was deleted'
      }),
      chat: Type.Object(
        { ...Type.Partial(Chat).properties, id: inChat },
        {
          title: 'ChangedChat',
          additionalProperties: false,
          description:
            'The chat. `added` has the whole chat, `updated` its public fields or your new `role`, `removed` its `id` only'
        }
      )
    },
    'Your membership or the chat has changed'
  ),
  expiring: outgoing(
    'expiring',
    { at: timestamp('The time when the session ends') },
    'The session ends within 60 s. Any HTTP request with the cookie prolongs it'
  ),
  bye: outgoing(
    'bye',
    { after_ms: Type.Integer({ minimum: 0, description: 'Reconnect after this many milliseconds' }) },
    'The server is going away'
  ),
  pong: outgoing('pong', {}, 'The answer to `ping`')
} as const

export type OutgoingFrame = {
  [T in keyof typeof outgoingFrames]: Static<(typeof outgoingFrames)[T]>
}[keyof typeof outgoingFrames]
