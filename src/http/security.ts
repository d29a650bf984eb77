import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { ChatError } from '../errors.ts'
import { LimitStore } from './limit-store.ts'
import pressure from './pressure.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered even when the server is overloaded. */
    vital?: boolean
  }
}

/**
 * What browsers are told about replies (OWASP Secure Headers Project): to run nothing, to embed nothing, to pass nothing
 * on. HSTS is for the proxy that terminates TLS to say. Constants, because building them anew took 8 % of a request.
 */
const HEADERS = {
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

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Who may call at all, how often, and what browsers are told about the replies. */
async function security(app: FastifyInstance, { allowedOrigins, rateLimits }: Config): Promise<void> {
  // Listed origins may read replies; the cookie's SameSite and the check below decide the rest.
  const headers = {
    ...HEADERS,
    'cross-origin-resource-policy': allowedOrigins.size > 0 ? 'cross-origin' : 'same-origin'
  }
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
  await app.register(pressure)
  if (allowedOrigins.size > 0) {
    await app.register(cors, {
      origin: [...allowedOrigins],
      credentials: true,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
    })
  }
  if (rateLimits) {
    await app.register(rateLimit, {
      global: false,
      store: LimitStore,
      // Retry-After says what a client needs; of two limits on one route, these would tell of either.
      addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
      addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
      errorResponseBuilder: (_request, { ttl }) => new ChatError('RATE_LIMITED', { retryAfter: Math.ceil(ttl / 1000) })
    })
  }

  app.addHook('onRequest', (request, _reply, done) => {
    const refused = (request.ws || !SAFE_METHODS.has(request.method)) && !mayCall(request)
    done(refused ? new ChatError('FOREIGN_ORIGIN') : undefined)
  })

  /**
   * Cookies go with requests that any page can cause, upgrades too (RFC 6455, section 10.2). Browsers say which page:
   * in Origin or, without it, in Sec-Fetch-Site (W3C Fetch Metadata). A request with neither is not from a page.
   */
  function mayCall({ headers, host }: FastifyRequest): boolean {
    const { origin } = headers
    if (origin === undefined) return ['same-origin', 'none', undefined].includes(headers['sec-fetch-site'] as string)
    if (!URL.canParse(origin)) return false
    const url = new URL(origin)
    return (
      allowedOrigins.has(url.origin) || (URL.canParse(`${url.protocol}//${host}`) && url.host === hostOf(url, host))
    )
  }

  /** The request's own host, without a port that the origin's scheme implies. */
  function hostOf({ protocol }: URL, host: string): string {
    return new URL(`${protocol}//${host}`).host
  }
}

export default fp(security, { name: 'security', dependencies: ['@fastify/websocket'] })
