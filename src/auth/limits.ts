import { normalizeIP } from '@fastify/rate-limit'
import type { Static } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ChatError } from '../errors.ts'
import type { Credentials } from '../schemas/user.ts'

type Hook = (request: FastifyRequest) => Promise<void>

/** Limit of logins and registrations from one address: low enough against guessing, high enough for an office. */
export const perAddress = { rateLimit: { max: 300, timeWindow: '1 minute' } }

/** Limit of attempts at one password, right or wrong. */
const ATTEMPTS = { max: 30, timeWindow: '1 minute' }

/** Limit of changes by one account over HTTP. It equals the limit of frames over the sockets of the account. */
const CHANGES = { max: 300, timeWindow: 3000 }

/** Returns a hook that refuses requests beyond a limit with RATE_LIMITED. It does nothing when RATE_LIMITS is off. */
function limitBy(app: FastifyInstance, limit: { max: number; timeWindow: string | number }, keyOf: KeyOf): Hook {
  const count = app.hasDecorator('createRateLimit') ? app.createRateLimit({ ...limit, keyGenerator: keyOf }) : undefined
  return async request => {
    const state = await count?.(request)
    if (state && !state.isAllowed && state.isExceeded) {
      throw new ChatError('RATE_LIMITED', { retryAfter: state.ttlInSeconds })
    }
  }
}

type KeyOf = (request: FastifyRequest) => string

/**
 * Limits logins for each pair of address and account, so that nobody can lock out the owner of an account. All IPv6
 * addresses of a /64 network count as one.
 */
export function limitLogins(app: FastifyInstance): Hook {
  return limitBy(app, ATTEMPTS, ({ ip, body }) => {
    const { username } = body as Static<typeof Credentials>
    return `${normalizeIP(ip)} ${username.toLowerCase()}`
  })
}

/** Limits attempts at the current password for each session, so that a stolen session cannot be used to guess it. */
export function limitPasswordChanges(app: FastifyInstance): Hook {
  return limitBy(app, ATTEMPTS, ({ caller }) => caller.session_id)
}

/** Limits all changes of an account together. Reads are not limited. The hook must run after `authenticate`. */
export function limitChanges(app: FastifyInstance): Hook {
  const limit = limitBy(app, CHANGES, ({ caller }) => String(caller.user.id))
  return async request => {
    if (request.method !== 'GET' && request.method !== 'HEAD') await limit(request)
  }
}
