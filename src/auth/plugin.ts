import cookie from '@fastify/cookie'
import jwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { limitChanges } from './limits.ts'
import { passwords } from './password.ts'
import accountRoutes from './routes/account.ts'
import sessionRoutes from './routes/sessions.ts'
import userRoutes from './routes/users.ts'
import { type Caller, sessionCookies } from './session.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A preValidation hook: sets `request.caller` from the session cookie. Throws UNAUTHENTICATED. */
    authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void>
    /** A preHandler hook: limits the changes of an account. Throws RATE_LIMITED. */
    limitChanges(request: FastifyRequest): Promise<void>
  }
  interface FastifyRequest {
    /** Set by `authenticate`. */
    caller: Caller
  }
}

async function auth(app: FastifyInstance, config: Config): Promise<void> {
  const { secretKey, algorithm, cookie: options } = config
  // session.ts parses the cookie where it is needed. Parsing it for each request would be wasted work.
  app.register(cookie, { hook: false })
  app.register(jwt, {
    secret: secretKey,
    cookie: { cookieName: options.name, signed: false },
    sign: { algorithm },
    // RFC 8725, section 3.1: the server chooses the algorithm, never the token.
    verify: { algorithms: [algorithm], requiredClaims: ['sub', 'sid', 'iat', 'exp'], onlyCookie: true }
  })

  const sessions = sessionCookies(app, config)
  app.decorateRequest('caller')
  app.decorate('authenticate', sessions.authenticate)
  app.decorate('limitChanges', limitChanges(app))

  const services = { config, sessions, passwords: passwords() }
  app.register(accountRoutes, { ...services, prefix: '/auth' })
  app.register(sessionRoutes, { ...services, prefix: '/auth' })
  app.register(userRoutes, { prefix: '/users' })
}

export default fp(auth, { name: 'auth', dependencies: ['db', 'bus'] })
