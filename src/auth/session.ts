import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { StoredSession } from '../db/records.ts'
import { ChatError } from '../errors.ts'
import { LruCache } from '../lru-cache.ts'
import type { Sender } from '../schemas/message.ts'
import { EXPIRING_MS } from '../schemas/socket.ts'
import type { User } from '../schemas/user.ts'
import { cookiesNamed } from './cookies.ts'

/** Who makes a request, and with which session. */
export interface Caller {
  user: User
  /** The user as the sender of messages. */
  sender: Sender
  session_id: string
  /** When the session ends unless it is used again, in milliseconds since 1970. */
  session_expires_at: number
}

/** `last_seen_at` is exact to this: a write a request would cost more than it tells. */
const SEEN_EVERY_MS = 5 * 60_000

/** A session is prolonged at most this often, however short its life is. */
const RENEW_EVERY_MS = 1000

/** Sessions that a user may have: scripts log in again and again, and never out. */
const SESSIONS_EACH = 1000

/** Tokens whose signature is known to be good. */
const TOKENS = 10_000

interface Claims {
  sub: string
  sid: string
  /** When the token expires, in seconds since 1970. */
  exp: number
}

/** Sessions in cookies: opened by a login, checked at each request, renewed past half their life. */
export function sessionCookies(app: FastifyInstance, { cookie, sessionTtl }: Config) {
  const ttlMs = sessionTtl * 1000
  /** A session with less left than this is prolonged. In milliseconds. */
  const renewable = Math.max(ttlMs / 2, EXPIRING_MS)
  const verified = new LruCache<Claims>(TOKENS)
  /** Ids of the sessions whose use is being written down. */
  const touching = new Set<string>()

  function attributes(request: FastifyRequest) {
    const secure = cookie.secure === 'auto' ? request.protocol === 'https' : cookie.secure
    return { path: '/', httpOnly: true, sameSite: cookie.sameSite, secure, partitioned: cookie.partitioned }
  }

  /**
   * Puts the session's JWT (RFC 7519) in the cookie; both end when the session does. Expires says the same as Max-Age:
   * without it, java.net.HttpCookie takes the cookie for one of RFC 2965.
   */
  function give(
    request: FastifyRequest,
    reply: FastifyReply,
    session: Pick<StoredSession, 'id' | 'user_id' | 'expires_at'>
  ) {
    const exp = Math.floor(session.expires_at / 1000)
    const token = app.jwt.sign({ sub: String(session.user_id), sid: session.id, exp })
    const maxAge = exp - Math.floor(Date.now() / 1000)
    reply.setCookie(cookie.name, token, { ...attributes(request), maxAge, expires: new Date(exp * 1000) })
  }

  /**
   * Past half of its life, and when its sockets have been warned, a session in use is prolonged. Not on an upgrade, whose
   * reply cannot carry the cookie. No request waits for this, or fails of it: when it cannot be written, the next one
   * finds the session as it was.
   */
  function renew(request: FastifyRequest, reply: FastifyReply, session: StoredSession): void {
    const now = Date.now()
    if (touching.has(session.id)) return
    const left = session.expires_at - now
    if (!request.ws && left <= renewable && left <= ttlMs - RENEW_EVERY_MS) {
      const expires_at = now + ttlMs
      touch(session, { last_seen_at: now, expires_at })
      give(request, reply, { ...session, expires_at })
    } else if (now - session.last_seen_at > SEEN_EVERY_MS) touch(session, { last_seen_at: now })
  }

  function touch({ id }: StoredSession, times: Parameters<typeof app.db.sessions.touch>[1]): void {
    touching.add(id)
    app.db.sessions
      .touch(id, times)
      .catch(err => app.log.debug({ err }, 'the use of a session could not be noted'))
      .finally(() => touching.delete(id))
  }

  /** What the token says, when it is ours and has not expired. A signature that was found good stays good. */
  function claimsOf(token: string): Claims | undefined {
    const known = verified.get(token)
    if (known) return known.exp * 1000 > Date.now() ? known : undefined
    try {
      const claims = app.jwt.verify<Claims>(token)
      verified.set(token, claims)
      return claims
    } catch {
      return undefined
    }
  }

  function clear(request: FastifyRequest, reply: FastifyReply): void {
    reply.clearCookie(cookie.name, attributes(request))
  }

  /** The session behind one of the cookies, the first that has one, and its user. */
  async function find({ headers }: FastifyRequest) {
    for (const token of cookiesNamed(cookie.name, headers.cookie)) {
      const claims = claimsOf(token)
      const found = typeof claims?.sid === 'string' && (await app.db.sessions.find(claims.sid))
      if (found && claims.sub === String(found.user.id)) return found
    }
    throw new ChatError('UNAUTHENTICATED')
  }

  /** Sets `request.caller` to who is behind the cookie. Throws UNAUTHENTICATED, whatever is wrong with it. */
  async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { user, session } = await find(request)
    renew(request, reply, session)
    const sender = { id: user.id, username: user.username }
    request.caller = { user, sender, session_id: session.id, session_expires_at: session.expires_at }
  }

  return {
    /**
     * Opens a session for a user who gave the password of this hash, and gives the cookie for it. When there are too
     * many, the one that was used longest ago ends.
     */
    async open(
      request: FastifyRequest,
      reply: FastifyReply,
      user: { id: number; password_hash: string }
    ): Promise<void> {
      const session = await app.db.sessions.create(user, Date.now() + ttlMs, request.headers['user-agent'])
      if (!session) throw new ChatError('BAD_CREDENTIALS')
      const session_ids = await app.db.sessions.endOldest(user.id, SESSIONS_EACH)
      if (session_ids.length > 0) app.bus.publish({ type: 'sessions_ended', session_ids })
      give(request, reply, session)
    },

    /** Ends a session, and its sockets. Returns false when the user has no such session. */
    async end(user_id: number, session_id: string): Promise<boolean> {
      const session_ids = await app.db.sessions.remove(user_id, session_id)
      app.bus.publish({ type: 'sessions_ended', session_ids })
      return session_ids.length > 0
    },

    clear,
    authenticate,

    /** The same for a logout, which takes the cookie away also when it was no session: no page can do that. */
    async authenticateOrClear(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      await authenticate(request, reply).catch(error => {
        const given = cookiesNamed(cookie.name, request.headers.cookie).length > 0
        if (given && error instanceof ChatError && error.code === 'UNAUTHENTICATED') clear(request, reply)
        throw error
      })
    }
  }
}
