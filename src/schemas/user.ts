import { type Static, Type } from '@sinclair/typebox'
import { id, name, PageQuery, pathId, ref, strict, timestamp } from './common.ts'
import { data } from './data.ts'

const displayName = name(64, 'The name that people see', 'Ann')

export const User = Type.Object(
  {
    id: id('The account'),
    username: Type.String({ description: 'The unique name of the account, in lower case', examples: ['ann'] }),
    display_name: Type.String({
      description: 'The name that people see. It is the username until the account sets one',
      examples: ['Ann']
    }),
    created_at: timestamp('The time when the account was created'),
    data: Type.Optional(data('account'))
  },
  { $id: 'User', description: 'An account as other accounts see it' }
)
export type User = Static<typeof User>

const allowedUsername = '3 to 32 characters of a-z 0-9 _ . -'

const username = Type.String({
  pattern: '^[A-Za-z0-9_.-]{3,32}$',
  'x-allowed': allowedUsername,
  description: `The unique name of the account: ${allowedUsername}. Upper case is converted to lower case`,
  examples: ['ann']
})

/**
 * A password. Its length counts code points, and nothing is trimmed. Halves of surrogate pairs are refused: they have no
 * UTF-8, so all of them would be hashed as U+FFFD, and different passwords would match.
 */
function secret(minLength: number, description: string) {
  const allowed = `${minLength} to 128 characters, without halves of surrogate pairs`
  return Type.String({
    minLength,
    maxLength: 128,
    pattern: '^[^\\ud800-\\udfff]*$',
    'x-allowed': allowed,
    description,
    examples: ['correct horse']
  })
}

export const Registration = strict({
  username,
  password: secret(
    8,
    '8 to 128 characters, taken exactly as given. Only the composition of characters such as `ü` does not matter (NFC)'
  ),
  display_name: Type.Optional(displayName)
})
export type Registration = Static<typeof Registration>

/** Looser than Registration: a login that no account can have must get the same answer as any other wrong login. */
export const Credentials = strict({
  username: Type.String({
    minLength: 1,
    maxLength: 128,
    description: 'The username, in upper or lower case',
    examples: ['ann']
  }),
  password: secret(1, 'The password')
})

export const PasswordChange = strict({
  current_password: secret(1, 'The current password'),
  new_password: secret(8, 'The new password: 8 to 128 characters')
})

export const LoginReply = Type.Object(
  { user: ref(User) },
  { description: 'Logged in. The session cookie is in the `Set-Cookie` header' }
)

export const Session = Type.Object(
  {
    id: Type.String({
      description: 'The session: 22 characters of base64url',
      examples: ['Yb3P0rUfLqS1C2xHcV9mTw']
    }),
    current: Type.Boolean({ description: 'Whether this request belongs to the session' }),
    created_at: timestamp('The time of the login'),
    last_seen_at: timestamp('The time when the session was last used, accurate to five minutes'),
    expires_at: timestamp('The time when the session ends if it is not used'),
    user_agent: Type.Optional(
      Type.String({ description: 'The `User-Agent` header of the login, cut to 256 characters' })
    )
  },
  { $id: 'Session', description: 'A login on one device' }
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
          'x-allowed': 'up to 100 ids, separated by commas',
          description:
            'The ids of up to 100 accounts, separated by commas, such as `1,2,3`. The reply has those that exist, in ' +
            'ascending order, on one page. Not together with `query` or `cursor`'
        })
      ),
      query: Type.Optional(
        Type.String({
          maxLength: 32,
          description:
            'The beginning of the username or of the display name. Case and accents do not matter. Without it, the list ' +
            'has all accounts'
        })
      )
    }),
    PageQuery
  ],
  { additionalProperties: false }
)

export const UserParams = strict({ user_id: pathId('The account') })
export const SessionParams = strict({
  session_id: Type.String({
    maxLength: 64,
    description: 'The session: an `id` of the list of sessions',
    examples: ['Yb3P0rUfLqS1C2xHcV9mTw']
  })
})
