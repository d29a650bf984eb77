import cors from '@fastify/cors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'

/**
 * Security headers of every reply (OWASP Secure Headers Project), with the defaults of helmet and a stricter
 * Content-Security-Policy. `no-store`, because a shared cache may store replies to requests with a cookie (RFC 9111,
 * section 3). The proxy that terminates TLS sets HSTS. The headers are constants: building them for each reply took 8 %
 * of the time of a request.
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

/** For replies that are the same for all clients: a cache may store them, and must revalidate them each time. */
export const REVALIDATED = { 'cache-control': 'no-cache' }

/** Response headers that a page of an allowed origin may read. */
const EXPOSED = 'Retry-After'

function headersFor({ allowedOrigins }: Pick<Config, 'allowedOrigins'>) {
  return { ...HEADERS, 'cross-origin-resource-policy': allowedOrigins.size > 0 ? 'cross-origin' : 'same-origin' }
}

/** Returns a function that sets the same headers on a reply for which Fastify runs no hooks. */
export function headersWithoutHooks(config: Pick<Config, 'allowedOrigins'>) {
  const headers = headersFor(config)
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

/** Sets the headers of every reply. It must come before all hooks that refuse requests, so that pages can read refusals. */
async function headers(app: FastifyInstance, config: Config): Promise<void> {
  const { allowedOrigins } = config
  const headers = headersFor(config)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
  if (allowedOrigins.size === 0) return
  // Pages of allowed origins may read replies. security.ts decides which pages may send requests.
  await app.register(cors, {
    origin: [...allowedOrigins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    // OPTIONS without `Access-Control-Request-Method` is not a preflight, and must not be an error.
    strictPreflight: false
  })
}

export default fp(headers, { name: 'headers', dependencies: ['@fastify/websocket'] })
