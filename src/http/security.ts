import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { ChatError } from '../errors.ts'
import { LimitStore } from './limit-store.ts'
import pressure from './pressure.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route also answers when the server is overloaded or stops. */
    vital?: boolean
  }
}

/** Maximum number of refused origins that the log reports, and their maximum length in characters. */
const MAX_LOGGED = 100
const MAX_LOGGED_LENGTH = 200

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Refuses requests of pages of foreign origins, and registers the overload check and the rate limits. */
async function security(app: FastifyInstance, { allowedOrigins, rateLimits }: Config): Promise<void> {
  await app.register(pressure)
  if (rateLimits) {
    await app.register(rateLimit, {
      global: false,
      store: LimitStore,
      // X-RateLimit-* headers are off: for two limits on a route, they would report only one. Retry-After is enough.
      addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
      addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
      errorResponseBuilder: (_request, { ttl }) => new ChatError('RATE_LIMITED', { retryAfter: Math.ceil(ttl / 1000) })
    })
  }

  app.addHook('onRequest', (request, _reply, done) => {
    const foreign = !mayCall(request)
    // The log also reports preflights and reads, which are not refused here: the browser hides their replies.
    if (foreign) logOnce(request)
    const refused = foreign && (request.ws || !SAFE_METHODS.has(request.method))
    done(refused ? new ChatError('FOREIGN_ORIGIN') : undefined)
  })

  const logged = new Set<string>()

  /** Logs each foreign origin once: the cause can be a proxy that changes Host, or a missing setting. */
  function logOnce({ headers, host, log }: FastifyRequest): void {
    const origin = headers.origin?.slice(0, MAX_LOGGED_LENGTH)
    if (origin === undefined || logged.has(origin) || logged.size >= MAX_LOGGED) return
    logged.add(origin)
    log.info(
      { origin, host: host.slice(0, MAX_LOGGED_LENGTH) },
      'pages of this origin may not call this server: let your proxy keep the Host header, or add the origin to ALLOWED_ORIGINS'
    )
  }

  /**
   * Returns whether the page that sent a request may call this server. Any page can cause requests with the cookie, also
   * upgrades (RFC 6455, section 10.2). Browsers name the page in Origin or, without it, in Sec-Fetch-Site (W3C Fetch
   * Metadata). A request with neither is not from a page.
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

  /** The host of the request, without the default port of the origin's scheme. */
  function hostOf({ protocol }: URL, host: string): string {
    return new URL(`${protocol}//${host}`).host
  }
}

export default fp(security, { name: 'security', dependencies: ['@fastify/websocket'] })
