import { type Static, type TInteger, type TSchema, Type } from '@sinclair/typebox'
import { type ErrorCode as Code, catalogue } from '../errors.ts'

/**
 * A reference to a schema that is registered under its `$id`, typed as that schema. `description` is what a reply of this
 * schema says.
 */
export function ref<T extends TSchema>(schema: T, description?: string) {
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#`, ...(description && { description }) })
}

/** One of a few words, as an `enum` that documents and generators understand. Generators name it by its `title`. */
export function oneOf<const T extends string>(
  words: readonly T[],
  options: { title: string; description: string; default?: T }
) {
  return Type.Unsafe<T>({ type: 'string', enum: words, ...options })
}

/** A positive integer that a JavaScript number holds exactly. */
export function id(description: string) {
  return Type.Integer({ format: 'int64', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** The same in a path, with a value that exists on a new server: /docs fills it in. */
export function pathId(description: string) {
  return { ...id(description), examples: [1] } as TInteger
}

/** A number of a chat's log, or 0 for its beginning. A JavaScript number holds it exactly. */
export function seq(description: string) {
  return Type.Integer({ format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** A moment as ISO 8601 in UTC with milliseconds. */
export function moment(description: string) {
  return Type.String({
    format: 'date-time',
    description: `${description}. ISO 8601 in UTC with milliseconds`,
    examples: ['2026-01-31T12:00:00.000Z']
  })
}

/** In replies and frames that carry a cursor. */
export const epoch = Type.String({
  description:
    'The random id of the history that `id` and `seq` belong to. It changes when the server is restored from a backup: ' +
    'when it differs from the one that you hold, delete all cursors and messages and start as a new client',
  examples: ['q1b3P0rUfLqS1C2xHcV9mA']
})

/**
 * A name that people see in a list: on one line, with something to see, and without characters that change the text
 * around it. So it has no control characters (among them line breaks and ESC), line or paragraph separators, and
 * embeddings, overrides or isolates of the writing direction (Unicode Standard Annex 9, section 2), and not only blanks,
 * combining marks and characters that are ignored when shown (U+200B, U+3164) or blank (U+2800).
 */
const NAME_PATTERN =
  '^(?=.*[^\\p{Z}\\p{M}\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800])' +
  '[^\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]+$'

/** A name that people see, of up to so many characters. */
export function name(maxLength: number, description: string, example: string) {
  const allowed =
    `1 to ${maxLength} characters on one line, at least one of them visible, without control characters and changes of ` +
    'the writing direction'
  return Type.String({
    minLength: 1,
    maxLength,
    pattern: NAME_PATTERN,
    'x-allowed': allowed,
    description: `${description}: ${allowed}`,
    examples: [example]
  })
}

/** How many items a page may have: clients may omit it, handlers always find it. */
export function limit(maximum: number, byDefault: number): TInteger {
  const limit = Type.Integer({
    minimum: 1,
    maximum,
    default: byDefault,
    description: `The maximum number of items, 1 to ${maximum}`
  })
  return Type.Optional(limit) as TInteger
}

/** A number after which a list begins: clients may omit it, handlers always find it. */
export function from(byDefault: number, description: string): TInteger {
  return Type.Optional({ ...seq(description), default: byDefault }) as TInteger
}

/** The query of a list that is read page by page. */
export const PageQuery = Type.Object(
  {
    limit: limit(200, 50),
    cursor: Type.Optional(
      Type.String({
        maxLength: 500,
        description: 'The `next_cursor` of the page before. Cursors of other lists are refused'
      })
    )
  },
  { additionalProperties: false }
)

/** A page of a list. */
export function page<T extends TSchema>(item: T) {
  return Type.Object(
    {
      items: Type.Array(item, { description: 'The items, in the order of the list' }),
      next_cursor: Type.Optional(
        Type.String({ description: 'The `cursor` of the next page. Omitted on the last page' })
      )
    },
    { description: 'A page of the list' }
  )
}

/** Path parameters, queries and bodies refuse unknown keys. */
export function strict<T extends Parameters<typeof Type.Object>[0]>(properties: T) {
  return Type.Object(properties, { additionalProperties: false })
}

const CODES = Object.keys(catalogue) as Code[]

export const ErrorCode = Type.Unsafe<Code>({
  $id: 'ErrorCode',
  title: 'ErrorCode',
  type: 'string',
  enum: CODES,
  description: 'The stable code of an error, for programs. Later versions may add codes',
  // Redoc shows these beside the values.
  'x-enumDescriptions': Object.fromEntries(
    CODES.map(code => [code, `${catalogue[code].status}: ${catalogue[code].message}`])
  )
})

/** What VALIDATION_FAILED says of the field, over HTTP and on a socket. */
export function field(part: string) {
  return Type.Optional(
    Type.String({
      description:
        'With `VALIDATION_FAILED`: the field that is wrong, missing or unknown, with `/` before a key or index inside ' +
        `it. Omitted when no single field is wrong. ${part}`,
      examples: ['username', 'member_ids/0']
    })
  )
}

export const ErrorBody = Type.Object(
  {
    statusCode: Type.Integer({ description: 'The HTTP status', examples: [403] }),
    code: ref(ErrorCode),
    error: Type.String({ description: 'The name of the HTTP status', examples: ['Forbidden'] }),
    message: Type.String({ description: 'A sentence for people; the wording may change' }),
    field: field('`message` begins with the part of the request that it is in: `body`, `querystring` or `params`')
  },
  { $id: 'Error', description: 'The body of every error' }
)

/** A reply without a body. */
export function nothing(description: string) {
  return Type.Null({ description })
}

export type Page<T> = { items: T[]; next_cursor?: string }
