import { STATUS_CODES as STATUS_TEXTS } from 'node:http'
import type { TSchema } from '@sinclair/typebox'
import type { FastifySchema, RouteOptions } from 'fastify'
import { catalogue, type ErrorCode, errorBody } from '../errors.ts'
import { operationExamples } from '../schemas/operation-examples.ts'
import { mayBeOmitted } from './input.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** The errors of this operation, without those that its method, parameters and settings imply. */
    errors?: readonly ErrorCode[]
  }
}

interface Media {
  schema: object
  example?: unknown
  examples?: Record<string, { value: unknown }>
}

interface Reply {
  description: string
  headers?: Record<string, { $ref: string }>
  content?: { 'application/json': Media }
}

/** The parts of an operation in OpenAPI 3.1 that this file completes. */
export interface Operation {
  operationId: string
  requestBody?: { required: boolean; content: { 'application/json': Media } }
  responses: Record<string, Reply>
}

/** Errors that are thrown before the session is checked: their replies never renew the cookie. */
const BEFORE_SESSION = new Set<ErrorCode>([
  'BAD_REQUEST',
  'INVALID_JSON',
  'UNAUTHENTICATED',
  'FOREIGN_ORIGIN',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'OVERLOADED',
  'SHUTTING_DOWN'
])

/** More replies that set or clear the cookie, by operation and status. */
const SETS_COOKIE = new Set(['login 200', 'logout 401', 'changePassword 401'])

/** Descriptions of replies that can have several codes, by status. */
const MEANINGS: Record<number, string> = {
  400: 'The request is not valid',
  403: 'Not allowed',
  404: 'Not found',
  409: 'In conflict with the stored state',
  503: 'Not available, retry later'
}

const reference = (name: string) => ({ $ref: `#/components/headers/${name}` })

/** The response headers that programs need, for `components.headers`. */
export const HEADERS = {
  'Cache-Control': {
    description: '`no-store`: no cache may keep the reply',
    schema: { type: 'string' }
  },
  'Set-Cookie': {
    description: 'The session cookie, when the session was opened, prolonged or ended. Use it from now on',
    schema: { type: 'string' }
  },
  'Retry-After': {
    description: 'Retry after this many seconds',
    required: true,
    schema: { type: 'integer', minimum: 0 }
  },
  Upgrade: { description: '`websocket`', required: true, schema: { type: 'string' } },
  Allow: {
    description: 'The methods that the address supports; omitted when nothing is there',
    schema: { type: 'string' }
  }
} as const

/** Errors that belong to no operation, for `components.responses`. Node or the router answers them, not a route. */
export const COMMON_REPLIES = {
  NotFound: { ...errorReply(['NOT_FOUND']), headers: { Allow: reference('Allow') } },
  RequestTimeout: errorReply(['REQUEST_TIMEOUT']),
  ExpectationFailed: errorReply(['EXPECTATION_FAILED']),
  HeadersTooLarge: errorReply(['HEADERS_TOO_LARGE'])
}

/** Adds errors, headers, examples and whether the body is required to an operation. */
export function complete(operation: Operation, route: RouteOptions): void {
  const { bodies = {}, replies } = operationExamples[operation.operationId] ?? { replies: {} }
  const { requestBody, responses } = operation
  if (requestBody) {
    requestBody.required = !mayBeOmitted(route.schema?.body as TSchema)
    illustrate(requestBody.content['application/json'], bodies)
  }
  for (const [status, example] of Object.entries(replies)) {
    illustrate(responses[status]?.content?.['application/json'] as Media, { example })
  }
  const codes = codesOf(route)
  const statuses: Map<number, ErrorCode[]> = Map.groupBy(codes, code => catalogue[code].status)
  for (const [status, codes] of statuses) responses[status] = errorReply(codes)
  for (const [status, reply] of Object.entries(responses)) {
    if (status !== '101') reply.headers = headersOf(Number(status), statuses.get(Number(status)), route)
  }
}

/** Returns the codes of all errors that an operation can have, for each status the most typical one first. */
function codesOf({ method, schema = {}, config }: RouteOptions): ErrorCode[] {
  const { security, errors = [] } = schema
  const codes: ErrorCode[] = ['VALIDATION_FAILED', ...errors, 'INTERNAL']
  if (hasCursor(schema)) codes.push('INVALID_CURSOR')
  if (!security) codes.push('UNAUTHENTICATED')
  if (method !== 'GET') {
    codes.push('INVALID_JSON', 'FOREIGN_ORIGIN', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'RATE_LIMITED')
  } else if (config?.rateLimit) codes.push('RATE_LIMITED')
  if (!config?.vital) codes.push('STORAGE_FAILED', 'OVERLOADED', 'SHUTTING_DOWN')
  return [...codes, 'BAD_REQUEST']
}

function hasCursor({ querystring }: FastifySchema): boolean {
  return 'cursor' in ((querystring as TSchema)['properties'] as object)
}

/** Returns the headers of a reply. `codes` are the errors that it can have. */
function headersOf(status: number, codes: ErrorCode[] | undefined, { schema }: RouteOptions) {
  const names: (keyof typeof HEADERS)[] = ['Cache-Control']
  const mayRenew = !schema?.security && !codes?.every(code => BEFORE_SESSION.has(code))
  if (mayRenew || SETS_COOKIE.has(`${schema?.operationId} ${status}`)) names.push('Set-Cookie')
  if (status === 429 || status === 503) names.push('Retry-After')
  if (status === 426) names.push('Upgrade')
  return Object.fromEntries(names.map(name => [name, reference(name)]))
}

/** Adds examples to a body: a single one as `example`, several as `examples`. */
function illustrate(media: Media, examples: Record<string, object>): void {
  const values = Object.entries(examples)
  if (values.length === 1) media.example = values[0]?.[1]
  else media.examples = Object.fromEntries(values.map(([name, value]) => [name, { value }]))
}

/** Describes a reply with one of these errors. All of them have the same status. */
function errorReply(codes: ErrorCode[]): Reply {
  const [first] = codes as [ErrorCode]
  const { status, message } = catalogue[first]
  const list = codes.map(code => `\`${code}\``).join(', ')
  const media: Media = { schema: { $ref: '#/components/schemas/Error' } }
  illustrate(media, Object.fromEntries(codes.map(code => [code, exampleOf(code)])))
  return {
    description: codes.length === 1 ? `${message} (${list})` : `${MEANINGS[status] ?? STATUS_TEXTS[status]}: ${list}`,
    content: { 'application/json': media }
  }
}

function exampleOf(code: ErrorCode) {
  const { status, message } = catalogue[code]
  if (code === 'VALIDATION_FAILED') {
    return errorBody(code, 'querystring must NOT have additional properties: "colour"', 'colour')
  }
  return errorBody(code, status >= 500 ? `${message} (request req-1)` : message)
}
