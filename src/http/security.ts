import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { ChatError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered even when the server is overloaded. */
    vital?: boolean
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Who may call at all, how often, and what browsers are told about the replies. */
async function security(app: FastifyInstance, { allowedOrigins, rateLimits }: Config): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] }
    },
    referrerPolicy: { policy: 'no-referrer' },
    // For the proxy that terminates TLS to say.
    strictTransportSecurity: false,
    // Listed origins may read replies; the cookie's SameSite and the check below decide the rest.
    crossOriginResourcePolicy: { policy: allowedOrigins.size > 0 ? 'cross-origin' : 'same-origin' }
  })
  // Starting takes the processor to itself, and the first measurement, renewed each second, still tells of that.
  let startedUntil = Number.POSITIVE_INFINITY
  app.addHook('onListen', async () => {
    startedUntil = Date.now() + 2000
  })
  await app.register(underPressure, {
    maxEventLoopDelay: 1000,
    pressureHandler: request => {
      const { vital } = request.routeOptions.config
      if (!vital && Date.now() > startedUntil) throw new ChatError('OVERLOADED', { retryAfter: 5 })
    }
  })
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
      errorResponseBuilder: (_request, { ttl }) => new ChatError('RATE_LIMITED', { retryAfter: Math.ceil(ttl / 1000) })
    })
  }

  app.addHook('onRequest', async request => {
    if ((request.ws || !SAFE_METHODS.has(request.method)) && !mayCall(request)) throw new ChatError('FOREIGN_ORIGIN')
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
