import { isUtf8 } from 'node:buffer'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest, preValidationHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'
import { strict } from '../schemas/common.ts'
import { cut } from '../validation.ts'

/** Matches the charset parameter of a Content-Type. */
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i

/** The schema of a query that has no keys. */
const NOTHING = strict({})

/**
 * Accepts only bodies that are JSON in UTF-8 (RFC 8259, section 8.1). An empty body counts as no body, whatever its
 * Content-Type. Other bytes than UTF-8 are refused before decoding, because a decoder replaces them with U+FFFD. A query
 * that is not UTF-8 is refused too. Operations without a schema for query or body refuse queries and bodies.
 */
async function input(app: FastifyInstance): Promise<void> {
  // The parser ignores `__proto__`: the check below refuses it at the top, and the schema of the route refuses it deeper.
  const json = app.getDefaultJsonParser('ignore', 'ignore')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    const error = encodingError(request, body)
    if (error) return done(error)
    const parsed = (error: Error | null, value?: unknown) => {
      const poisoned = typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__')
      done(
        poisoned ? new ChatError('INVALID_JSON', { detail: 'The body must not have the key "__proto__"' }) : error,
        value
      )
    }
    app.turns.run(request.raw.socket, () => void json(request, body.toString(), parsed))
  })

  app.addHook('onRequest', ({ url }, _reply, done) => {
    const query = url.slice(url.indexOf('?') + 1 || url.length)
    const refused = query.includes('%') && !isDecodable(query)
    done(refused ? new ChatError('BAD_REQUEST', { detail: 'The query is not percent-encoded UTF-8' }) : undefined)
  })

  app.addHook('onRoute', route => {
    // Routes of documents and pages have no operationId and accept any query.
    if (!route.schema?.operationId) return
    route.schema.querystring ??= NOTHING
    if (route.method === 'GET' || route.method === 'HEAD') return
    const body = route.schema.body as TSchema | undefined
    if (body && !mayBeOmitted(body)) return
    route.preValidation = [route.preValidation ?? [], body ? fillBody : refuseBody].flat()
  })
}

/** Returns whether requests may omit a body of this schema, because it has no required keys. */
export function mayBeOmitted({ required, minProperties }: TSchema): boolean {
  return !required && !minProperties
}

const fillBody: preValidationHookHandler = (request, _reply, done) => {
  request.body ??= {}
  done()
}

/** Refuses bodies, except `{}`, `[]` and `null`. */
const refuseBody: preValidationHookHandler = ({ body }, _reply, done) => {
  const [key] = typeof body === 'object' && body !== null ? Object.keys(body) : []
  const empty = key === undefined && (typeof body === 'object' || body === undefined)
  if (empty) return done()
  const field = key === undefined || Array.isArray(body) ? undefined : cut(key)
  done(new ChatError('VALIDATION_FAILED', { detail: 'body must be empty', field }))
}

/** Returns whether a text is percent-encoded UTF-8. The query parser leaves other texts undecoded. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Returns the error for a body that is compressed or not in UTF-8; undefined for all other bodies. */
function encodingError({ headers }: FastifyRequest, body: Buffer): ChatError | undefined {
  const coding = headers['content-encoding'] ?? 'identity'
  if (coding.toLowerCase() !== 'identity') {
    return new ChatError('UNSUPPORTED_MEDIA_TYPE', { detail: 'Content-Encoding is not supported' })
  }
  if (!isUtf8(body)) return new ChatError('INVALID_JSON', { detail: 'The body is not valid JSON: it is not UTF-8' })
  // RFC 8259 defines no charset parameter. Another charset means that the bytes are not meant as UTF-8.
  const [, charset = 'utf-8'] = CHARSET.exec(String(headers['content-type'])) ?? []
  if (/^(utf-?8|us-ascii)$/i.test(charset)) return undefined
  return new ChatError('UNSUPPORTED_MEDIA_TYPE', { detail: 'The charset of the body must be utf-8' })
}

export default fp(input, { name: 'input', dependencies: ['fair-turns', 'headers'] })
