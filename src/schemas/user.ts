import { type Static, Type } from '@sinclair/typebox'
import { id, moment, NAME_PATTERN, PageQuery, ref, strict } from './common.ts'
import { data } from './data.ts'

const displayName = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: NAME_PATTERN,
  description:
    'The name that people see, 1 to 64 characters on one line, with something to see, without control characters',
  examples: ['Ann']
})

export const User = Type.Object(
  {
    id: id('The account'),
    username: Type.String({ description: 'Unique, lower case', examples: ['ann'] }),
    display_name: Type.String({
      description: 'The name that people see; the username when none was given',
      examples: ['Ann']
    }),
    created_at: moment('When the account was made'),
    data: Type.Optional(data('account'))
  },
  { $id: 'User', description: 'An account as others may see it' }
)
export type User = Static<typeof User>

const username = Type.String({
  pattern: '^[A-Za-z0-9_.-]{3,32}$',
  description: '3 to 32 of a-z 0-9 _ . - in any case; upper and lower case are the same',
  examples: ['ann']
})

/**
 * Characters are code points; nothing is trimmed. Half a surrogate pair has no UTF-8: all halves would be
 * hashed as the same U+FFFD, and one would log in as another.
 */
const secret = (minLength: number, description: string) =>
  Type.String({ minLength, maxLength: 128, pattern: '^[^\\ud800-\\udfff]*$', description, examples: ['correct horse'] })

export const Registration = strict({
  username,
  password: secret(8, '8 to 128 characters, taken as given; `ü` is the same however it is composed (NFC)'),
  display_name: Type.Optional(displayName)
})
export type Registration = Static<typeof Registration>

/** Deliberately loose: a login that no account could have must look like any other wrong one. */
export const Credentials = strict({
  username: Type.String({ minLength: 1, maxLength: 128, description: 'As registered, in any case', examples: ['ann'] }),
  password: secret(1, 'As registered')
})

export const PasswordChange = strict({
  current_password: secret(1, 'The password as it is now'),
  new_password: secret(8, 'The password as it shall be: 8 to 128 characters')
})

export const LoginReply = Type.Object({ user: ref(User) }, { description: 'The cookie is in the headers' })

export const Session = Type.Object(
  {
    id: Type.String({ description: 'The session: 22 characters of base64url', examples: ['Yb3P0rUfLqS1C2xHcV9mTw'] }),
    current: Type.Boolean({ description: 'Whether this request came with it' }),
    created_at: moment('When it was opened by a login'),
    last_seen_at: moment('When it was last used, to five minutes'),
    expires_at: moment('When it ends unless it is used again'),
    user_agent: Type.Optional(
      Type.String({ description: 'The User-Agent header of the login, at most 256 characters' })
    )
  },
  { $id: 'Session', description: 'One login on one device' }
)
export type Session = Static<typeof Session>

export const ProfileChange = Type.Object(
  { display_name: Type.Optional(displayName), data: Type.Optional(data('account')) },
  { additionalProperties: false, minProperties: 1 }
)
export type ProfileChange = Static<typeof ProfileChange>

export const UserQuery = Type.Composite(
  [
    Type.Object({
      ids: Type.Optional(
        Type.String({
          pattern: '^[1-9]\\d{0,14}(,[1-9]\\d{0,14}){0,99}$',
          description:
            'Ids of up to 100 accounts, separated by commas: those that exist, in the order of their ids, on one page. ' +
            'Without `query` and `cursor`'
        })
      ),
      query: Type.Optional(
        Type.String({
          maxLength: 32,
          description: 'The beginning of the username or of the display name, in any case, with or without accents',
          examples: ['ann']
        })
      )
    }),
    PageQuery
  ],
  { additionalProperties: false }
)

export const UserParams = strict({ user_id: id('The account') })
export const SessionParams = strict({ session_id: Type.String({ maxLength: 64, description: 'The session' }) })
