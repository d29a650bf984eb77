import { type Static, Type } from '@sinclair/typebox'
import { epoch, id, moment, NAME_PATTERN, oneOf, PageQuery, ref, seq, strict } from './common.ts'
import { data } from './data.ts'
import { Message } from './message.ts'
import { User } from './user.ts'

export const ROLES = ['member', 'admin', 'owner'] as const
export type Role = (typeof ROLES)[number]

export const VISIBILITIES = ['private', 'public'] as const
export type Visibility = (typeof VISIBILITIES)[number]

const title = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: NAME_PATTERN,
  description:
    'The name of the chat, 1 to 200 characters on one line, with something to see, without control characters',
  examples: ['Friends']
})

const role = { description: '`member` reads and writes, `admin` also manages members and messages, `owner` everything' }

const visibility = {
  description: '`private`: only members know of it. `public`: everybody finds it and may join. Direct chats are private'
}

export const readId = Type.Integer({ minimum: 0, description: 'I have read up to this message id; 0 when nothing yet' })

export const unreadCount = Type.Integer({
  minimum: 0,
  maximum: 100,
  description:
    'Messages of others after `read_id`, not counting deleted ones and what the system wrote; 100 means 100 or more. ' +
    'The 10,000 messages after `read_id` are looked at'
})

/** What everybody who may know of a chat sees. */
const chatFields = {
  id: id('The chat'),
  kind: oneOf(['group', 'direct'], { description: '`direct` is between two people, and there is one for a pair' }),
  visibility: oneOf(VISIBILITIES, visibility),
  title: Type.Optional(Type.String({ description: 'Left out for direct chats', examples: ['Friends'] })),
  seq: Type.Integer({ minimum: 0, description: 'The number of the latest change; 0 when nothing was ever said' }),
  created_by: id('The account that made it'),
  created_at: moment('When it was made'),
  updated_at: moment('When somebody last wrote or changed something in it'),
  data: Type.Optional(data('chat'))
}

export const PublicChat = Type.Object(chatFields, { $id: 'PublicChat', description: 'A chat as a non-member sees it' })
export type PublicChat = Static<typeof PublicChat>

export const Chat = Type.Object(
  {
    ...chatFields,
    role: oneOf(ROLES, role),
    read_id: readId,
    unread_count: unreadCount,
    epoch: Type.Optional(epoch),
    last_message: Type.Optional(ref(Message)),
    peer: Type.Optional(ref(User))
  },
  {
    $id: 'Chat',
    description:
      'A chat as one of its members sees it. `last_message` is left out when empty; `peer`, the other one, when not ' +
      'direct; `epoch` everywhere but in `GET /chats/:chat_id`'
  }
)
export type Chat = Static<typeof Chat>

export const Member = Type.Object(
  {
    user: ref(User),
    role: oneOf(ROLES, role),
    joined_at: moment('When they became a member'),
    read_id: Type.Integer({ minimum: 0, description: 'They have read up to this message id; 0 when nothing yet' })
  },
  { $id: 'Member', description: 'An account in a chat' }
)
export type Member = Static<typeof Member>

export const NewChat = strict({
  title,
  data: Type.Optional(data('chat')),
  visibility: Type.Optional(oneOf(VISIBILITIES, { ...visibility, default: 'private' })),
  member_ids: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
      maxItems: 1000,
      uniqueItems: true,
      description: 'Accounts that are members from the start, up to 1000; the caller is one anyway',
      examples: [[2, 7]]
    })
  )
})
export type NewChat = Static<typeof NewChat>

export const NewDirectChat = strict({ user_id: id('The other one') })

export const ChatChange = Type.Object(
  {
    title: Type.Optional(title),
    visibility: Type.Optional(oneOf(VISIBILITIES, visibility)),
    data: Type.Optional(data('chat'))
  },
  { additionalProperties: false, minProperties: 1 }
)
export type ChatChange = Static<typeof ChatChange>

export const ChatParams = strict({ chat_id: id('The chat') })
export const MemberParams = strict({ chat_id: id('The chat'), user_id: id('The account') })
export const RoleChange = strict({ role: Type.Optional(oneOf(ROLES, role)) })

export const PublicChatQuery = Type.Composite(
  [
    Type.Object({
      query: Type.Optional(
        Type.String({ maxLength: 200, description: 'A part of the title, in any case, with or without accents' })
      )
    }),
    PageQuery
  ],
  { additionalProperties: false }
)

export const ReadMarker = strict({ id: seq('I have read up to this message id') })
export const ReadState = Type.Object(
  { read_id: readId, unread_count: unreadCount },
  { $id: 'ReadState', description: 'How far I have read, and how much is left' }
)
export type ReadState = Static<typeof ReadState>
