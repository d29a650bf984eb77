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

/** Origins of which the log says that they were refused, and their characters that it repeats. */
const TOLD = 100
const TOLD_LENGTH = 200

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Decides which pages may call, and how often clients may. */
async function security(app: FastifyInstance, { allowedOrigins, rateLimits }: Config): Promise<void> {
  await app.register(pressure)
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
    const foreign = !mayCall(request)
    // A page that may not call is told of as well when it asks, before a change, whether it may, and when it only reads.
    if (foreign) tell(request)
    const refused = foreign && (request.ws || !SAFE_METHODS.has(request.method))
    done(refused ? new ChatError('FOREIGN_ORIGIN') : undefined)
  })

  const told = new Set<string>()

  /** Says once for each origin that it was refused: a proxy that changes Host, or a setting that is missing, looks so. */
  function tell({ headers, host, log }: FastifyRequest): void {
    const origin = headers.origin?.slice(0, TOLD_LENGTH)
    if (origin === undefined || told.has(origin) || told.size >= TOLD) return
    told.add(origin)
    log.info(
      { origin, host: host.slice(0, TOLD_LENGTH) },
      'a page of this origin may not call: pass Host on unchanged, or name the origin in ALLOWED_ORIGINS'
    )
  }

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
