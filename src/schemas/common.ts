import { type Static, type TInteger, type TSchema, Type } from '@sinclair/typebox'

/** A reference to a schema that is registered under its `$id`, typed as that schema. */
export function ref<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` })
}

/** One of a few words, as an `enum` that documents and generators understand. */
export function oneOf<const T extends string>(words: readonly T[], options: { description: string; default?: T }) {
  return Type.Unsafe<T>({ type: 'string', enum: words, ...options })
}

/** A positive integer that a JavaScript number holds exactly. */
export function id(description: string) {
  return Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description, examples: [123] })
}

/** A number of a chat's log, or 0 for its beginning. A JavaScript number holds it exactly. */
export function seq(description: string) {
  return Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** A moment as ISO 8601 in UTC with milliseconds. */
export function moment(description: string) {
  return Type.String({
    format: 'date-time',
    description: `${description}. ISO 8601, UTC, milliseconds`,
    examples: ['2026-01-31T12:00:00.000Z']
  })
}

/** In replies and frames that carry a cursor. */
export const epoch = Type.String({
  description:
    'The history that numbers belong to. It changes when the server goes back to a backup: a client that holds another ' +
    'epoch forgets its cursors and messages, and begins anew',
  examples: ['q1b3P0rUfLqS1C2xHcV9mA']
})

/**
 * A name that people see in a list: on one line, with something to see, and without what changes the text around it.
 * So it has no control characters (among them line breaks and ESC), line or paragraph separators, and embeddings,
 * overrides or isolates of the writing direction (Unicode Standard Annex 9, section 2), and not only blanks, combining
 * marks and characters that are ignored when shown (U+200B, U+3164) or blank (U+2800).
 */
export const NAME_PATTERN =
  '^(?=.*[^\\p{Z}\\p{M}\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800])' +
  '[^\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]+$'

/** How many items a page may have: clients may leave it out, handlers always find it. */
export function limit(maximum: number, byDefault: number): TInteger {
  const limit = Type.Integer({
    minimum: 1,
    maximum,
    default: byDefault,
    description: `How many items at most, 1 to ${maximum}`
  })
  return Type.Optional(limit) as TInteger
}

/** A number to begin after: clients may leave it out, handlers always find it. */
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
        description: '`next_cursor` of the page before; refused when this list never gave it'
      })
    )
  },
  { additionalProperties: false }
)

/** A page of a list. */
export function page<T extends TSchema>(item: T) {
  return Type.Object(
    {
      items: Type.Array(item, { description: 'In the order of the list' }),
      next_cursor: Type.Optional(
        Type.String({ description: 'Give it as `cursor` to get the next page; left out on the last one' })
      )
    },
    { description: 'A page of the list' }
  )
}

/** Path parameters and queries refuse what they do not know. */
export function strict<T extends Parameters<typeof Type.Object>[0]>(properties: T) {
  return Type.Object(properties, { additionalProperties: false })
}

export const ErrorBody = Type.Object(
  {
    statusCode: Type.Integer({ description: 'The HTTP status again' }),
    code: Type.String({ description: 'A stable code for programs', examples: ['NOT_A_MEMBER'] }),
    error: Type.String({ description: 'The name of the status', examples: ['Forbidden'] }),
    message: Type.String({ description: 'A sentence for people; it may change' })
  },
  { $id: 'Error', description: 'Every error has this shape' }
)

const ERRORS: Record<number, string> = {
  400: 'The request is not valid',
  401: 'No valid session in the cookie',
  403: 'Not allowed',
  404: 'No such thing, or none that you may know of',
  409: 'In conflict with what is stored',
  426: 'Not a WebSocket upgrade',
  429: 'Too many requests; see `Retry-After`',
  503: 'Overloaded, going away, or unable to write; see `Retry-After`'
}

/** The replies of a route: its own, and the errors of these statuses. */
export function replies<T extends Record<number, TSchema>>(own: T, ...statuses: (keyof typeof ERRORS)[]) {
  const errors = statuses.map(status => [status, { ...ref(ErrorBody), description: ERRORS[status] }])
  return { ...own, ...(Object.fromEntries(errors) as Record<never, never>) }
}

/** A reply without a body. */
export function nothing(description: string) {
  return Type.Null({ description })
}

export type Page<T> = { items: T[]; next_cursor?: string }
