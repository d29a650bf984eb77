import { type Static, Type } from '@sinclair/typebox'
import { epoch, id, name, oneOf, PageQuery, pathId, ref, seq, strict, timestamp } from './common.ts'
import { data } from './data.ts'
import { Message } from './message.ts'
import { User } from './user.ts'

export const ROLES = ['member', 'admin', 'owner'] as const
export type Role = (typeof ROLES)[number]

export const VISIBILITIES = ['private', 'public'] as const
export type Visibility = (typeof VISIBILITIES)[number]

const title = name(200, 'The name of the chat', 'Friends')

const role = {
  title: 'Role',
  description:
    'A `member` reads and writes. An `admin` also changes the chat, adds and removes members, and deletes messages of ' +
    'others. An `owner` may do everything'
}

const visibility = {
  title: 'Visibility',
  description:
    'A `private` chat is known to its members only. A `public` chat can be found and joined by everybody. Direct chats ' +
    'are private'
}

export const readId = Type.Integer({
  format: 'int64',
  minimum: 0,
  description: 'Your read marker: you have read up to this message id. 0 when you have read nothing'
})

export const unreadCount = Type.Integer({
  minimum: 0,
  maximum: 100,
  description:
    'How many messages of others come after `read_id`, without deleted and system messages. 100 means 100 or more. Only ' +
    'the first 10,000 messages after `read_id` are counted'
})

/** The fields of a chat that everybody sees who may know of it. */
const chatFields = {
  id: id('The chat'),
  kind: oneOf(['group', 'direct'], {
    title: 'ChatKind',
    description: 'A `direct` chat has two fixed members, and each pair of accounts has at most one'
  }),
  visibility: oneOf(VISIBILITIES, visibility),
  title: Type.Optional(
    Type.String({ description: 'The name of a group. Direct chats have none', examples: ['Friends'] })
  ),
  seq: Type.Integer({
    format: 'int64',
    minimum: 0,
    description: 'The number of the latest change. 0 while the chat has no messages'
  }),
  created_by: id('The account that created the chat'),
  created_at: timestamp('The time when the chat was created'),
  updated_at: timestamp('The time of the latest numbered change'),
  data: Type.Optional(data('chat'))
}

export const PublicChat = Type.Object(chatFields, {
  $id: 'PublicChat',
  description: 'A chat as people see it who are not members'
})
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
      'A chat as one of its members sees it. `last_message` is omitted while the chat has none. `peer` is the other ' +
      'member of a direct chat. Only `GET /chats/{chat_id}` returns `epoch`'
  }
)
export type Chat = Static<typeof Chat>

export const Member = Type.Object(
  {
    user: ref(User),
    role: oneOf(ROLES, role),
    joined_at: timestamp('The time when the account became a member'),
    read_id: Type.Integer({
      format: 'int64',
      minimum: 0,
      description: 'The read marker of the member: they have read up to this message id. 0 when they have read nothing'
    })
  },
  { $id: 'Member', description: 'An account as a member of a chat' }
)
export type Member = Static<typeof Member>

export const NewChat = strict({
  title,
  data: Type.Optional(data('chat')),
  visibility: Type.Optional(oneOf(VISIBILITIES, { ...visibility, default: 'private' })),
  member_ids: Type.Optional(
    Type.Array(Type.Integer({ format: 'int64', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
      maxItems: 1000,
      uniqueItems: true,
      description: 'Up to 1000 accounts that become members at once. You are a member in any case'
    })
  )
})
export type NewChat = Static<typeof NewChat>

export const NewDirectChat = strict({ user_id: id('The other member') })

export const ChatChange = Type.Object(
  {
    title: Type.Optional(title),
    visibility: Type.Optional(oneOf(VISIBILITIES, visibility)),
    data: Type.Optional(data('chat'))
  },
  { additionalProperties: false, minProperties: 1 }
)
export type ChatChange = Static<typeof ChatChange>

export const ChatParams = strict({ chat_id: pathId('The chat') })
export const MemberParams = strict({ chat_id: pathId('The chat'), user_id: pathId('The account') })
export const RoleChange = strict({ role: Type.Optional(oneOf(ROLES, role)) })

export const PublicChatQuery = Type.Composite(
  [
    Type.Object({
      query: Type.Optional(
        Type.String({
          maxLength: 200,
          description: 'A part of the title. Case and accents do not matter. Without it, the list has all public chats'
        })
      )
    }),
    PageQuery
  ],
  { additionalProperties: false }
)

export const ReadMarker = strict({ id: seq('The message id up to which you have read') })
export const ReadState = Type.Object(
  { read_id: readId, unread_count: unreadCount },
  { $id: 'ReadState', description: 'Your read marker in a chat, and the number of unread messages' }
)
export type ReadState = Static<typeof ReadState>
