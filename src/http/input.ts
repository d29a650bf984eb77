import { isUtf8 } from 'node:buffer'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest, preValidationHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'
import { strict } from '../schemas/common.ts'
import { cut } from '../validation.ts'

/** The charset parameter of a Content-Type; undefined when it has none. */
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i

/** The schema of a query that has no keys. */
const NOTHING = strict({})

/**
 * Bodies are JSON in UTF-8 and nothing else (RFC 8259, section 8.1); an empty one counts as none, whatever its
 * Content-Type says. A body that is not UTF-8 is refused before it is decoded, because a decoder would put U+FFFD in
 * place of what it cannot read. A query that is not UTF-8 is refused too, like such a path. An operation without a query
 * or a body of its own takes neither.
 */
async function input(app: FastifyInstance): Promise<void> {
  // What has the key __proto__ further inside is for the schema of the route to refuse.
  const json = app.getDefaultJsonParser('ignore', 'ignore')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    const refusal = unreadable(request, body)
    if (refusal) return done(refusal)
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
    // Documents and pages are no operations.
    if (!route.schema?.operationId) return
    route.schema.querystring ??= NOTHING
    if (route.method === 'GET' || route.method === 'HEAD') return
    const body = route.schema.body as TSchema | undefined
    if (body && !mayBeOmitted(body)) return
    route.preValidation = [route.preValidation ?? [], body ? fillBody : refuseBody].flat()
  })
}

/** Whether requests may omit a body of this schema, because nothing in it is required. */
export function mayBeOmitted({ required, minProperties }: TSchema): boolean {
  return !required && !minProperties
}

const fillBody: preValidationHookHandler = (request, _reply, done) => {
  request.body ??= {}
  done()
}

/** `{}` and `null` say nothing either. */
const refuseBody: preValidationHookHandler = ({ body }, _reply, done) => {
  const [key] = typeof body === 'object' && body !== null ? Object.keys(body) : []
  const empty = key === undefined && (typeof body === 'object' || body === undefined)
  if (empty) return done()
  const field = key === undefined || Array.isArray(body) ? undefined : cut(key)
  done(new ChatError('VALIDATION_FAILED', { detail: 'body must be empty', field }))
}

/** Whether a text is UTF-8 in percent-encoding. The parser of queries leaves what is not as it is. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Why a body cannot be read as UTF-8; undefined when it can. */
function unreadable({ headers }: FastifyRequest, body: Buffer): ChatError | undefined {
  const coding = headers['content-encoding'] ?? 'identity'
  if (coding.toLowerCase() !== 'identity') {
    return new ChatError('UNSUPPORTED_MEDIA_TYPE', { detail: 'Bodies are read without a Content-Encoding only' })
  }
  if (!isUtf8(body)) return new ChatError('INVALID_JSON', { detail: 'The body is not valid JSON: it is not UTF-8' })
  // RFC 8259 defines no charset; one that is another's says that these bytes mean something else.
  const [, charset = 'utf-8'] = CHARSET.exec(String(headers['content-type'])) ?? []
  if (/^(utf-?8|us-ascii)$/i.test(charset)) return undefined
  return new ChatError('UNSUPPORTED_MEDIA_TYPE', { detail: 'Bodies are read in UTF-8 only' })
}

export default fp(input, { name: 'input', dependencies: ['fair-turns', 'headers'] })
