import cors from '@fastify/cors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'

/**
 * What browsers and caches are told about replies: to run nothing, to embed nothing, to pass nothing on (OWASP Secure
 * Headers Project), and to keep nothing, since a cookie alone does not stop a shared cache (RFC 9111, section 3). HSTS is
 * for the proxy that terminates TLS to say. Constants, because building them anew took 8 % of a request.
 */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0'
}

/** What is the same for everybody may be kept, and asked for again each time. */
export const REVALIDATED = { 'cache-control': 'no-cache' }

/** What a page of another origin may read of a reply beside its body. */
const EXPOSED = 'Retry-After'

function constants({ allowedOrigins }: Pick<Config, 'allowedOrigins'>) {
  return { ...HEADERS, 'cross-origin-resource-policy': allowedOrigins.size > 0 ? 'cross-origin' : 'same-origin' }
}

/** Sets the same headers on a reply that Fastify makes without hooks. */
export function bareHeaders(config: Pick<Config, 'allowedOrigins'>) {
  const headers = constants(config)
  return ({ headers: { origin } }: FastifyRequest, reply: FastifyReply): void => {
    reply.headers(headers)
    if (origin === undefined || !config.allowedOrigins.has(origin)) return
    reply.headers({
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': EXPOSED
    })
  }
}

/** The headers of every reply. Before whatever refuses a request, so that pages can read why. */
async function headers(app: FastifyInstance, config: Config): Promise<void> {
  const { allowedOrigins } = config
  const headers = constants(config)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
  if (allowedOrigins.size === 0) return
  // Listed origins may read replies; the cookie's SameSite and security.ts decide the rest.
  await app.register(cors, {
    origin: [...allowedOrigins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    // OPTIONS that asks for no method is no preflight, and no error either.
    strictPreflight: false
  })
}

export default fp(headers, { name: 'headers', dependencies: ['@fastify/websocket'] })
