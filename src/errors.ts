import { STATUS_CODES as STATUS_TEXTS } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** The error catalogue: HTTP status and text of every error that a client can get. The key is the stable `code`. */
export const catalogue = {
  VALIDATION_FAILED: { status: 400, message: 'The request is not valid' },
  INVALID_JSON: { status: 400, message: 'The body is not valid JSON' },
  INVALID_CURSOR: { status: 400, message: 'The cursor is not valid for this list' },
  UNKNOWN_TYPE: { status: 400, message: 'Unknown frame type' },
  BAD_REQUEST: { status: 400, message: 'The request is malformed' },
  REPLY_TO_NOT_FOUND: { status: 400, message: 'reply_to is not a message of this chat' },
  UNAUTHENTICATED: { status: 401, message: 'Not logged in: the cookie has no valid session' },
  BAD_CREDENTIALS: { status: 401, message: 'The username or the password is wrong' },
  FOREIGN_ORIGIN: { status: 403, message: 'Pages of this origin may not call this server' },
  REGISTRATION_CLOSED: { status: 403, message: 'Registration is closed on this server' },
  WRONG_PASSWORD: { status: 403, message: 'The current password is wrong' },
  NOT_A_MEMBER: { status: 403, message: 'You are not a member of this chat' },
  ADMIN_REQUIRED: { status: 403, message: 'Only an admin or an owner of the chat may do this' },
  OWNER_REQUIRED: { status: 403, message: 'Only an owner of the chat may do this' },
  NOT_THE_SENDER: { status: 403, message: 'Only the sender of a message may edit it' },
  DIRECT_CHAT: { status: 403, message: 'A direct chat always has its two members and no settings' },
  NOT_FOUND: { status: 404, message: 'Not found. See /docs for the API.' },
  CHAT_NOT_FOUND: { status: 404, message: 'Chat not found' },
  MESSAGE_NOT_FOUND: { status: 404, message: 'Message not found in this chat' },
  USER_NOT_FOUND: { status: 404, message: 'User not found' },
  MEMBER_NOT_FOUND: { status: 404, message: 'This user is not a member of the chat' },
  SESSION_NOT_FOUND: { status: 404, message: 'Session not found' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This address does not support this method' },
  REQUEST_TIMEOUT: { status: 408, message: 'The request took too long to arrive' },
  USERNAME_TAKEN: { status: 409, message: 'This username is taken' },
  CLIENT_ID_REUSED: { status: 409, message: 'This client_id was already used for a different message' },
  LAST_OWNER: { status: 409, message: 'A chat must keep an owner: make another member an owner first' },
  MESSAGE_DELETED: { status: 409, message: 'The message was deleted' },
  TOO_MANY_REACTIONS: { status: 409, message: 'A message can have at most 20 different reactions' },
  NOT_EDITABLE: { status: 409, message: 'System messages can be neither edited nor deleted' },
  BODY_TOO_LARGE: { status: 413, message: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The body must be application/json' },
  EXPECTATION_FAILED: { status: 417, message: 'The only supported expectation is 100-continue' },
  UPGRADE_REQUIRED: { status: 426, message: 'This address is a WebSocket: connect with a WebSocket client' },
  RATE_LIMITED: { status: 429, message: 'Too many requests: try again later' },
  TOO_MANY_SOCKETS: { status: 429, message: 'Too many open sockets: close one, or try again later' },
  HEADERS_TOO_LARGE: { status: 431, message: 'The headers are too large' },
  INTERNAL: { status: 500, message: 'Something failed on the server' },
  OVERLOADED: { status: 503, message: 'The server is overloaded: try again later' },
  STORAGE_FAILED: { status: 503, message: 'The database could not be read or written: try again later' },
  SHUTTING_DOWN: { status: 503, message: 'The server is shutting down: try again later' }
} as const satisfies Record<string, { status: number; message: string }>

export type ErrorCode = keyof typeof catalogue

interface ErrorOptions {
  /** A more exact text for people than the text of the catalogue. */
  detail?: string
  /** With VALIDATION_FAILED: the wrong field, such as `member_ids/0`; undefined when no single field is wrong. */
  field?: string | undefined
  /** Seconds after which a retry can succeed; sent as `Retry-After`. */
  retryAfter?: number
  cause?: unknown
}

/** An error of the catalogue. Any code can throw it, and `errorHandler` answers it. */
export class ChatError extends Error {
  override name = 'ChatError'
  readonly code: ErrorCode
  readonly statusCode: number
  readonly field: string | undefined
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.detail ?? catalogue[code].message, { cause: options.cause })
    this.code = code
    this.statusCode = catalogue[code].status
    this.field = options.field
    this.retryAfter = options.retryAfter
  }
}

/** Maps errors of Fastify to codes of the catalogue. All other errors are mapped by their status. */
const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'INVALID_JSON',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  // Fastify's text contains the whole URL, and a query can be private.
  FST_ERR_BAD_URL: 'BAD_REQUEST',
  FST_ERR_REOPENED_CLOSE_SERVER: 'SHUTTING_DOWN'
}

const STATUS_CODES: Record<number, ErrorCode> = {
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'OVERLOADED'
}

/** Converts any thrown error into one of the catalogue. The text of a server error does not show the cause. */
export function toChatError(error: FastifyError | ChatError): ChatError {
  if (error instanceof ChatError) return error
  const status = error.statusCode ?? 500
  const code = FASTIFY_CODES[error.code] ?? STATUS_CODES[status]
  if (code) return new ChatError(code, { cause: error })
  if (status >= 400 && status < 500) return new ChatError('BAD_REQUEST', { detail: error.message })
  return new ChatError('INTERNAL', { cause: error })
}

/**
 * The error handler of all routes. For a 5xx, the client gets the id of the request, and the log gets the cause, except of
 * OVERLOADED and SHUTTING_DOWN.
 */
export function errorHandler(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toChatError(thrown)
  const { code, statusCode, retryAfter, field } = error
  const serverFailed = statusCode >= 500 && code !== 'OVERLOADED' && code !== 'SHUTTING_DOWN'
  if (serverFailed) request.log.error({ err: thrown }, 'request failed')
  // The log does not get the text for the client, because that can repeat what the client sent.
  else request.log.debug({ code, statusCode }, catalogue[code].message)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  const message = statusCode >= 500 ? `${catalogue[code].message} (request ${request.id})` : error.message
  return reply.code(statusCode).send(errorBody(code, message, field))
}

/** The body of an error: the shape of Fastify's errors, with `field`. */
export function errorBody(code: ErrorCode, message: string = catalogue[code].message, field?: string): ErrorBody {
  const { status } = catalogue[code]
  const body = { statusCode: status, code, error: STATUS_TEXTS[status] as string, message }
  return field === undefined ? body : { ...body, field }
}

interface ErrorBody {
  statusCode: number
  code: ErrorCode
  error: string
  message: string
  field?: string
}
