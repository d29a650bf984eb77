import { type Static, Type } from '@sinclair/typebox'
import { epoch, from, id, limit, moment, oneOf, PageQuery, ref, seq, strict } from './common.ts'
import { data } from './data.ts'

export const Sender = Type.Object(
  { id: id('The account'), username: Type.String({ description: 'Lower case', examples: ['ann'] }) },
  { description: 'Who wrote it; for `joined` and `left`, who joined or left' }
)
export type Sender = Static<typeof Sender>

export const MESSAGE_KINDS = ['text', 'joined', 'left', 'renamed'] as const
export type MessageKind = (typeof MESSAGE_KINDS)[number]

export const Reaction = Type.Object(
  {
    emoji: Type.String({ description: 'The reaction itself', examples: ['👍'] }),
    count: Type.Integer({ minimum: 1, description: 'How many people gave it' }),
    user_ids: Type.Array(Type.Integer(), {
      maxItems: 100,
      description: 'Who gave it, earliest first; the first 100 when there are more',
      examples: [[1, 7]]
    })
  },
  { $id: 'Reaction', description: 'One emoji on a message, and who gave it' }
)
export type Reaction = Static<typeof Reaction>

/** The keys of a message, shared by the HTTP reply and the `message` frame. */
export const messageFields = {
  chat_id: id('The chat'),
  id: id('The number of the change that created it: unique in its chat, ascending, never reused'),
  seq: id('The number of its latest change; equal to `id` while it was never changed'),
  kind: oneOf(MESSAGE_KINDS, { description: '`text` for people; the others are written by the system' }),
  sender: Sender,
  message: Type.Optional(
    Type.String({ description: 'The text; the new title for `renamed`; left out when deleted', examples: ['Hello'] })
  ),
  created_at: moment('When it was stored'),
  edited_at: Type.Optional(moment('When its text was last changed; left out when never. `data` does not count')),
  deleted_at: Type.Optional(moment('When it was deleted; left out when it was not')),
  reply_to: Type.Optional(id('The message that this one answers')),
  data: Type.Optional(data('message')),
  reactions: Type.Optional(
    Type.Array(ref(Reaction), { description: 'In the order in which each came first; left out when there are none' })
  )
}

export const Message = Type.Object(messageFields, {
  $id: 'Message',
  description: 'A message as it now is. A deleted one keeps its place and loses its text, `data` and reactions'
})
export type Message = Static<typeof Message>

export const text = Type.String({
  minLength: 1,
  maxLength: 10_000,
  pattern: '^[^\\u0000]*$',
  description: 'The text, 1 to 10,000 characters (code points) without U+0000, stored and sent exactly as given',
  examples: ['Hello everyone in the chat!']
})

export const clientId = Type.String({
  minLength: 1,
  maxLength: 128,
  // Neither U+0000 nor half a surrogate pair, which the database would not give back as it was.
  pattern: '^[^\\u0000\\ud800-\\udfff]*$',
  description:
    'Your own name for this message, 1 to 128 characters, unique among yours in this chat for ever. Sending it again ' +
    'with the same text and `data` gives the first message and never makes a second one',
  examples: ['7f9c2ba4']
})

export const Send = strict({
  message: text,
  client_id: Type.Optional(clientId),
  reply_to: Type.Optional(id('The message of this chat that this one answers')),
  data: Type.Optional(data('message'))
})

export const Edit = Type.Object(
  { message: Type.Optional(text), data: Type.Optional(data('message')) },
  { additionalProperties: false, minProperties: 1 }
)

export const MessageParams = strict({ chat_id: id('The chat'), id: id('The message') })

export const ReactionParams = strict({
  chat_id: id('The chat'),
  id: id('The message'),
  emoji: Type.String({
    minLength: 1,
    maxLength: 32,
    // Something that can be seen, and no white space, control characters or changes of the writing direction.
    pattern: '^(?=.*[^\\p{Cf}\\p{M}])[^\\s\\p{Cc}\\p{Cs}\\u202a-\\u202e\\u2066-\\u2069]+$',
    description:
      'The reaction, percent-encoded: 1 to 32 characters (code points), no white space or control characters',
    examples: ['👍']
  })
})
export type ReactionParams = Static<typeof ReactionParams>

export const ChangesQuery = strict({
  after: from(0, 'The highest `seq` that you have seen in this chat'),
  limit: limit(500, 200)
})

export const Changes = Type.Object(
  {
    items: Type.Array(ref(Message), { description: 'Each as it now is, ascending by `seq`' }),
    seq: Type.Integer({ minimum: 0, description: 'Give it as `after` next time' }),
    epoch,
    has_more: Type.Boolean({
      description: 'Whether there are more by now. A page of long messages has fewer than `limit`'
    })
  },
  { $id: 'Changes', description: 'A piece of the log of a chat' }
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
    items: Type.Array(ref(Message), { description: 'Ascending by id' }),
    has_more_before: Type.Boolean({
      description: 'Whether there are older messages. A page of long messages has fewer than `limit`'
    }),
    has_more_after: Type.Boolean({ description: 'Whether there are newer messages' })
  },
  { $id: 'History', description: 'A page of messages, and whether there are more on either side' }
)
export type History = Static<typeof History>

export const SearchQuery = Type.Composite(
  [
    Type.Object({
      query: Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          'Words, 1 to 200 characters, at most 50 different ones. A message is found when it has all of them, in any case ' +
          'and with or without accents, Arabic and Hebrew points and other marks that are often left out; of the last ' +
          'word, its beginning is enough. Of a word, 64 characters are compared. Words joined by anything but white space ' +
          '(`foo-bar`), and characters in a row of a script that has no spaces between words (Chinese, Japanese, Korean, ' +
          'Thai, Lao, Khmer, Burmese and others), are found in that order only. There are no operators',
        examples: ['friday lun']
      }),
      chat_id: Type.Optional(id('Search this chat only'))
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
        'The text as HTML: everything in it is escaped, and what was found is in `<mark>` elements. There are no other ' +
        'tags, so that it is safe to insert into a page as it is',
      examples: ['Hello <mark>everyone</mark> in the chat!']
    })
  },
  { $id: 'FoundMessage', description: 'A message that a search found' }
)
export type FoundMessage = Static<typeof FoundMessage>
