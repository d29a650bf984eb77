import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { StoredSession } from '../db/records.ts'
import { ChatError } from '../errors.ts'
import { LruCache } from '../lru-cache.ts'
import type { Sender } from '../schemas/message.ts'
import { EXPIRING_MS } from '../schemas/socket.ts'
import type { User } from '../schemas/user.ts'
import { cookiesNamed } from './cookies.ts'

/** The user and the session of a request. */
export interface Caller {
  user: User
  /** The same user as the sender of messages. */
  sender: Sender
  session_id: string
  /** The time when the session ends if it is not used, in milliseconds since 1970. */
  session_expires_at: number
}

/** Precision of `last_seen_at` in milliseconds. A write for each request would be too expensive. */
const SEEN_EVERY_MS = 5 * 60_000

/** Minimum time between two renewals of a session, for sessions with a short life. In milliseconds. */
const RENEW_EVERY_MS = 1000

/** Maximum number of sessions of a user. Scripts often log in and never log out. */
const MAX_SESSIONS = 1000

/** Number of verified tokens in the cache. */
const CACHED_TOKENS = 10_000

interface Claims {
  sub: string
  sid: string
  /** The time when the token expires, in seconds since 1970. */
  exp: number
}

/** Sessions in cookies: a login opens a session, each request checks it, and requests after half of its life renew it. */
export function sessionCookies(app: FastifyInstance, { cookie, sessionTtl }: Config) {
  const ttlMs = sessionTtl * 1000
  /** A session with less time left than this is renewed. In milliseconds. */
  const renewBelowMs = Math.max(ttlMs / 2, EXPIRING_MS)
  /** Cache: the claims of tokens with a valid signature. */
  const verified = new LruCache<Claims>(CACHED_TOKENS)
  /** Ids of the sessions with a `touch` in progress. */
  const touching = new Set<string>()

  function cookieAttributes(request: FastifyRequest) {
    const secure = cookie.secure === 'auto' ? request.protocol === 'https' : cookie.secure
    return { path: '/', httpOnly: true, sameSite: cookie.sameSite, secure, partitioned: cookie.partitioned }
  }

  /**
   * Sets the cookie to the JWT (RFC 7519) of the session. Both expire when the session ends. `Expires` repeats `Max-Age`:
   * without `Expires`, java.net.HttpCookie parses the cookie as one of RFC 2965.
   */
  function setSessionCookie(
    request: FastifyRequest,
    reply: FastifyReply,
    session: Pick<StoredSession, 'id' | 'user_id' | 'expires_at'>
  ) {
    const exp = Math.floor(session.expires_at / 1000)
    const token = app.jwt.sign({ sub: String(session.user_id), sid: session.id, exp })
    const maxAge = exp - Math.floor(Date.now() / 1000)
    reply.setCookie(cookie.name, token, { ...cookieAttributes(request), maxAge, expires: new Date(exp * 1000) })
  }

  /**
   * Renews a session after half of its life, and when its sockets were sent `expiring`. An upgrade does not renew it,
   * because the reply cannot carry the cookie. Fire and forget: a failure is logged, and the next request tries again.
   */
  function renew(request: FastifyRequest, reply: FastifyReply, session: StoredSession): void {
    const now = Date.now()
    if (touching.has(session.id)) return
    const left = session.expires_at - now
    if (!request.ws && left <= renewBelowMs && left <= ttlMs - RENEW_EVERY_MS) {
      const expires_at = now + ttlMs
      touch(session, { last_seen_at: now, expires_at })
      setSessionCookie(request, reply, { ...session, expires_at })
    } else if (now - session.last_seen_at > SEEN_EVERY_MS) touch(session, { last_seen_at: now })
  }

  function touch({ id }: StoredSession, times: Parameters<typeof app.db.sessions.touch>[1]): void {
    touching.add(id)
    app.db.sessions
      .touch(id, times)
      .catch(err => app.log.debug({ err }, 'could not store the last use of a session'))
      .finally(() => touching.delete(id))
  }

  /** Returns the claims of a token that this server signed and that has not expired. Valid signatures are cached. */
  function claimsOf(token: string): Claims | undefined {
    const cached = verified.get(token)
    if (cached) return cached.exp * 1000 > Date.now() ? cached : undefined
    try {
      const claims = app.jwt.verify<Claims>(token)
      verified.set(token, claims)
      return claims
    } catch {
      return undefined
    }
  }

  function clear(request: FastifyRequest, reply: FastifyReply): void {
    reply.clearCookie(cookie.name, cookieAttributes(request))
  }

  /** Finds the session of the first cookie that has one, and its user. Throws UNAUTHENTICATED. */
  async function findSession({ headers }: FastifyRequest) {
    for (const token of cookiesNamed(cookie.name, headers.cookie)) {
      const claims = claimsOf(token)
      const found = typeof claims?.sid === 'string' && (await app.db.sessions.find(claims.sid))
      if (found && claims.sub === String(found.user.id)) return found
    }
    throw new ChatError('UNAUTHENTICATED')
  }

  /**
   * Sets `request.caller` to the user of the session cookie, and renews an old session. Throws UNAUTHENTICATED, whatever is
   * wrong with the cookie.
   */
  async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { user, session } = await findSession(request)
    renew(request, reply, session)
    const sender = { id: user.id, username: user.username }
    request.caller = { user, sender, session_id: session.id, session_expires_at: session.expires_at }
  }

  return {
    /**
     * Opens a session and sets its cookie. `password_hash` is the hash that the password was verified against: if it has
     * changed since, this throws BAD_CREDENTIALS. If the user has too many sessions, the least recently used one ends.
     */
    async open(
      request: FastifyRequest,
      reply: FastifyReply,
      user: { id: number; password_hash: string }
    ): Promise<void> {
      const session = await app.db.sessions.create(user, Date.now() + ttlMs, request.headers['user-agent'])
      if (!session) throw new ChatError('BAD_CREDENTIALS')
      const session_ids = await app.db.sessions.endOldest(user.id, MAX_SESSIONS)
      if (session_ids.length > 0) app.bus.publish({ type: 'sessions_ended', session_ids })
      setSessionCookie(request, reply, session)
    },

    /** Ends a session and closes its sockets. Returns false when the user has no such session. */
    async end(user_id: number, session_id: string): Promise<boolean> {
      const session_ids = await app.db.sessions.remove(user_id, session_id)
      app.bus.publish({ type: 'sessions_ended', session_ids })
      return session_ids.length > 0
    },

    clear,
    authenticate,

    /** `authenticate` for a logout: it also clears an invalid cookie, because no page can clear an HttpOnly cookie. */
    async authenticateOrClear(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      await authenticate(request, reply).catch(error => {
        const hasCookie = cookiesNamed(cookie.name, request.headers.cookie).length > 0
        if (hasCookie && error instanceof ChatError && error.code === 'UNAUTHENTICATED') clear(request, reply)
        throw error
      })
    }
  }
}
