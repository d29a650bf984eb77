import { normalizeIP } from '@fastify/rate-limit'
import type { Static } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ChatError } from '../errors.ts'
import type { Credentials } from '../schemas/user.ts'

type Hook = (request: FastifyRequest) => Promise<void>

/** Logins and registrations of an address: guessing is slow, and a household or an office still gets in. */
export const perAddress = { rateLimit: { max: 300, timeWindow: '1 minute' } }

/** Guesses at one password, right or wrong. */
const GUESSES = { max: 30, timeWindow: '1 minute' }

/** Changes that an account may make over HTTP: as many as it may send over its sockets. */
const CHANGES = { max: 300, timeWindow: 3000 }

/** A hook that refuses what goes beyond a limit; a route may have several. Does nothing when limits are switched off. */
function limited(app: FastifyInstance, limit: { max: number; timeWindow: string | number }, keyOf: KeyOf): Hook {
  const count = app.hasDecorator('createRateLimit') ? app.createRateLimit({ ...limit, keyGenerator: keyOf }) : undefined
  return async request => {
    const found = await count?.(request)
    if (found && !found.isAllowed && found.isExceeded) {
      throw new ChatError('RATE_LIMITED', { retryAfter: found.ttlInSeconds })
    }
  }
}

type KeyOf = (request: FastifyRequest) => string

/** Logins per address and account, so that nobody can lock out somebody else. An IPv6 address is a /64. */
export function guessedLogins(app: FastifyInstance): Hook {
  return limited(app, GUESSES, ({ ip, body }) => {
    const { username } = body as Static<typeof Credentials>
    return `${normalizeIP(ip)} ${username.toLowerCase()}`
  })
}

/** Guesses at the current password by whoever has a session, so that a stolen one does not find it out. */
export function guessedPasswords(app: FastifyInstance): Hook {
  return limited(app, GUESSES, ({ caller }) => caller.session_id)
}

/** Changes of an account, whichever they are; reading is not limited. For hooks after `authenticate`. */
export function changes(app: FastifyInstance): Hook {
  const limit = limited(app, CHANGES, ({ caller }) => String(caller.user.id))
  return async request => {
    if (request.method !== 'GET' && request.method !== 'HEAD') await limit(request)
  }
}
