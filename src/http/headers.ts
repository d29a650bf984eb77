import cors from '@fastify/cors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'

/**
 * Headers for browsers and caches: run nothing, embed nothing, pass nothing on (OWASP Secure Headers Project), and store
 * nothing, because a cookie alone does not stop a shared cache (RFC 9111, section 3). The proxy that terminates TLS sets
 * HSTS. These are constants, because building them for each reply took 8 % of a request.
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

/** For replies that are the same for everybody: a cache may store them, and revalidates them each time. */
export const REVALIDATED = { 'cache-control': 'no-cache' }

/** The headers that a page of another origin may read. */
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

/** Sets the headers of every reply. Registered before all that refuses requests, so that pages can read the refusal. */
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
