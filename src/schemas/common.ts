import { type Static, type TInteger, type TSchema, Type } from '@sinclair/typebox'
import { type ErrorCode as Code, catalogue } from '../errors.ts'

/**
 * A reference to a schema that is registered under its `$id`, with the type of that schema. `description` describes a
 * reply that has this schema.
 */
export function ref<T extends TSchema>(schema: T, description?: string) {
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#`, ...(description && { description }) })
}

/** One of a few words, as an `enum`, which all generators support. Generators use `title` as its name. */
export function oneOf<const T extends string>(
  words: readonly T[],
  options: { title: string; description: string; default?: T }
) {
  return Type.Unsafe<T>({ type: 'string', enum: words, ...options })
}

/** A positive integer that a JavaScript number can hold exactly. */
export function id(description: string) {
  return Type.Integer({ format: 'int64', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** An id in a path. /docs fills in the example, which exists on a new server. */
export function pathId(description: string) {
  return { ...id(description), examples: [1] } as TInteger
}

/** A number of a chat's log, or 0 for its beginning. A JavaScript number can hold it exactly. */
export function seq(description: string) {
  return Type.Integer({ format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** A timestamp in ISO 8601, in UTC with milliseconds. */
export function timestamp(description: string) {
  return Type.String({
    format: 'date-time',
    description: `${description}. ISO 8601 in UTC with milliseconds`,
    examples: ['2026-01-31T12:00:00.000Z']
  })
}

/** The epoch, in replies and frames that have a cursor. */
export const epoch = Type.String({
  description:
    'The random id of the history that `id` and `seq` belong to. It changes when the server is restored from a backup: ' +
    'when it differs from the one that you hold, delete all cursors and messages and start as a new client',
  examples: ['q1b3P0rUfLqS1C2xHcV9mA']
})

/**
 * The pattern of a name that people see in a list: on one line, visible, and without an effect on the text around it. It
 * refuses control characters (such as line breaks and ESC), line and paragraph separators, and embeddings, overrides and
 * isolates of the writing direction (Unicode Standard Annex 9, section 2). It also refuses names that have only blanks
 * (also U+2800), combining marks and ignorable characters (such as U+200B and U+3164).
 */
const NAME_PATTERN =
  '^(?=.*[^\\p{Z}\\p{M}\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800])' +
  '[^\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]+$'

/** A name that people see. `maxLength` counts characters (code points). */
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

/** The maximum number of items of a page. Clients may omit it; the validator then sets the default. */
export function limit(maximum: number, byDefault: number): TInteger {
  const limit = Type.Integer({
    minimum: 1,
    maximum,
    default: byDefault,
    description: `The maximum number of items, 1 to ${maximum}`
  })
  return Type.Optional(limit) as TInteger
}

/** The number after which a list begins. Clients may omit it; the validator then sets the default. */
export function from(byDefault: number, description: string): TInteger {
  return Type.Optional({ ...seq(description), default: byDefault }) as TInteger
}

/** The query of a list that has pages. */
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

/** An object that refuses unknown keys, for path parameters, queries and bodies. */
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

/** The `field` of a VALIDATION_FAILED error, over HTTP and on a socket. */
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
