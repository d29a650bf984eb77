import { type Static, Type } from '@sinclair/typebox'
import { epoch, from, id, limit, oneOf, PageQuery, pathId, ref, seq, strict, timestamp } from './common.ts'
import { data } from './data.ts'

export const Sender = Type.Object(
  {
    id: id('The account'),
    username: Type.String({ description: 'The username of the account, in lower case', examples: ['ann'] })
  },
  {
    title: 'Sender',
    description: 'The account that sent the message. In system messages: the account that joined, left or renamed'
  }
)
export type Sender = Static<typeof Sender>

export const MESSAGE_KINDS = ['text', 'joined', 'left', 'renamed'] as const
export type MessageKind = (typeof MESSAGE_KINDS)[number]

export const Reaction = Type.Object(
  {
    emoji: Type.String({ description: 'The emoji', examples: ['👍'] }),
    count: Type.Integer({ minimum: 1, description: 'How many accounts reacted with it' }),
    user_ids: Type.Array(Type.Integer({ format: 'int64' }), {
      maxItems: 100,
      description: 'The first 100 accounts that reacted with it, earliest first',
      examples: [[1, 7]]
    })
  },
  { $id: 'Reaction', description: 'An emoji on a message, and the accounts that reacted with it' }
)
export type Reaction = Static<typeof Reaction>

/** The keys of a message, shared by the HTTP reply and the `message` frame. */
export const messageFields = {
  chat_id: id('The chat'),
  id: id('The number of the change that created the message: unique in its chat, ascending, never reused'),
  seq: id('The number of the latest change of the message. It equals `id` until the message is changed'),
  kind: oneOf(MESSAGE_KINDS, {
    title: 'MessageKind',
    description: 'People send `text`. The other kinds are system messages'
  }),
  sender: Sender,
  message: Type.Optional(
    Type.String({
      description: 'The text. In `renamed`: the new title. Omitted in `joined` and `left`, and when deleted',
      examples: ['Hello everyone in the chat!']
    })
  ),
  created_at: timestamp('The time when the message was stored'),
  edited_at: Type.Optional(
    timestamp('The time when the text was last changed. Omitted until then; changes of `data` do not count')
  ),
  deleted_at: Type.Optional(timestamp('The time when the message was deleted. Omitted until then')),
  reply_to: Type.Optional(id('The message that this one answers')),
  data: Type.Optional(data('message')),
  reactions: Type.Optional(
    Type.Array(ref(Reaction), {
      description: 'The reactions, in the order of their first use. Omitted when there are none'
    })
  )
}

export const Message = Type.Object(messageFields, {
  $id: 'Message',
  description:
    'A message in its current state. A deleted message keeps its place, and loses its text, `data` and reactions'
})
export type Message = Static<typeof Message>

const allowedText = '1 to 10,000 characters (code points) without U+0000'

export const text = Type.String({
  minLength: 1,
  maxLength: 10_000,
  pattern: '^[^\\u0000]*$',
  'x-allowed': allowedText,
  description: `The text: ${allowedText}. It is stored and sent exactly as given`,
  examples: ['Hello everyone in the chat!']
})

export const clientId = Type.String({
  minLength: 1,
  maxLength: 128,
  // The database would not return U+0000 and halves of surrogate pairs unchanged.
  pattern: '^[^\\u0000\\ud800-\\udfff]*$',
  'x-allowed': '1 to 128 characters, without U+0000 and halves of surrogate pairs',
  description:
    'Your own name for the message, 1 to 128 characters, unique among your messages in this chat. Sending it again with ' +
    'the same text and `data` returns the first message and never creates a second one, at any time',
  examples: ['7f9c2ba4']
})

const replyTo = id('The message of the same chat that this one answers')

export const Send = strict({
  message: text,
  client_id: Type.Optional(clientId),
  reply_to: Type.Optional(replyTo),
  data: Type.Optional(data('message'))
})

export const Edit = Type.Object(
  { message: Type.Optional(text), data: Type.Optional(data('message')) },
  { additionalProperties: false, minProperties: 1 }
)

export const MessageParams = strict({ chat_id: pathId('The chat'), id: pathId('The message') })

export const ReactionParams = strict({
  chat_id: pathId('The chat'),
  id: pathId('The message'),
  emoji: Type.String({
    minLength: 1,
    maxLength: 32,
    // At least one visible character, and no white space, control characters or changes of the writing direction.
    pattern: '^(?=.*[^\\p{Cf}\\p{M}])[^\\s\\p{Cc}\\p{Cs}\\u202a-\\u202e\\u2066-\\u2069]+$',
    'x-allowed':
      '1 to 32 characters, at least one of them visible, without white space, control characters and changes of the ' +
      'writing direction',
    description:
      'The emoji, percent-encoded: 1 to 32 characters (code points) without white space and control characters',
    examples: ['👍']
  })
})
export type ReactionParams = Static<typeof ReactionParams>

export const ChangesQuery = strict({
  after: from(0, 'Your cursor: the `seq` up to which you have every change of this chat'),
  limit: limit(500, 200)
})

const hasMore = (which: string) =>
  Type.Boolean({ description: `Whether there are ${which}. A page of long messages can have fewer than \`limit\`` })

export const Changes = Type.Object(
  {
    items: Type.Array(ref(Message), { description: 'The changed messages, ascending by `seq`' }),
    seq: Type.Integer({ format: 'int64', minimum: 0, description: 'Your new cursor: the next `after`' }),
    epoch,
    has_more: hasMore('more changes')
  },
  { $id: 'Changes', description: 'A page of the log of a chat' }
)

export const HistoryQuery = strict({
  before: Type.Optional(id('The page ends just before this message id')),
  after: Type.Optional(seq('The page begins just after this message id')),
  around: Type.Optional(id('The page has this message id in its middle')),
  limit: limit(200, 50)
})
export type HistoryQuery = Static<typeof HistoryQuery>

export const History = Type.Object(
  {
    items: Type.Array(ref(Message), { description: 'The messages, ascending by `id`' }),
    has_more_before: hasMore('older messages'),
    has_more_after: hasMore('newer messages')
  },
  { $id: 'History', description: 'A page of messages' }
)
export type History = Static<typeof History>

export const SearchQuery = Type.Composite(
  [
    Type.Object({
      query: Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          'The words to find: 1 to 200 characters, at most 50 different words. A message is found when it has all of the ' +
          'words; the last word may be the beginning of one. Case does not matter, nor do accents, Arabic and Hebrew ' +
          'points and other marks that are often omitted. The first 64 characters of a word are compared. Words that are ' +
          'joined by anything but white space (`foo-bar`) are found in that order only. So are characters of scripts that ' +
          'have no spaces between words (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese and others). There are no ' +
          'operators',
        examples: ['hello every']
      }),
      chat_id: Type.Optional(id('The only chat to search. Without it, all of your chats are searched'))
    }),
    PageQuery
  ],
  { additionalProperties: false }
)

export const FoundMessage = Type.Object(
  {
    ...messageFields,
    highlight: Type.String({
      description:
        'The text as HTML, with the found words in `<mark>` elements. Everything else in it is escaped and there are no ' +
        'other tags, so that it is safe to insert into a page',
      examples: ['<mark>Hello</mark> <mark>every</mark>one in the chat!']
    })
  },
  { $id: 'FoundMessage', description: 'A message that was found by a search' }
)
export type FoundMessage = Static<typeof FoundMessage>
