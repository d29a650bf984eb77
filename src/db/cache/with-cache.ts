import { LruCache } from '../../lru-cache.ts'
import type { User } from '../../schemas/user.ts'
import type { Change, Result } from '../changes.ts'
import type { StoredSession } from '../records.ts'
import type { Repositories } from '../repositories.ts'
import type { Storage } from '../storage.ts'
import { ChatAccessCache } from './chat-access.ts'
import { CHATS_PER_USER, ChatListVersions } from './chat-list-versions.ts'

/** Changes of messages, which leave members, roles and settings as they are. */
const MESSAGE_CHANGES: ReadonlySet<Change['type']> = new Set(['send', 'edit', 'delete', 'react', 'unreact'])
/** Sessions, and users, that are cached. */
const CACHED_SESSIONS = 20_000

/**
 * Returns the repositories of a storage with read-through caches for what nearly every request reads: the session and
 * its user, the access of a user to a chat, and the version of a user's list of chats.
 *
 * An entry is invalidated before the promise of the write that makes it stale resolves: a client that has seen the
 * response to a logout or a removal never gets the old value. Writes of other processes are reported by
 * `storage.foreignWrites`, once per turn of the event loop and before an entry is used: they hold for every request
 * that arrives in a later turn.
 */
export function withCache({ repositories, foreignWrites }: Storage): Repositories {
  const { sessions, users, members, chats, log } = repositories
  const sessionCache = new LruCache<{ session: StoredSession; user: User }>(CACHED_SESSIONS)
  /** One object for all sessions of a user: a changed profile invalidates all of them. */
  const userCache = new LruCache<User, number>(CACHED_SESSIONS, ({ data }) =>
    data ? JSON.stringify(data).length / 100 : 1
  )
  const accessCache = new ChatAccessCache()
  const listVersions = new ChatListVersions()
  /** Whether the cache may be used in this turn of the event loop; undefined until the first use in the turn. */
  let usable: boolean | undefined
  /** Increases with every invalidation. A value that was read before an invalidation is not cached after it. */
  let generation = 0

  foreignWrites.subscribe(invalidateAll)

  const endTurn = () => {
    usable = undefined
  }

  function isUsable(): boolean {
    if (usable === undefined) {
      usable = foreignWrites.upToDate()
      setImmediate(endTurn)
    }
    return usable
  }

  function invalidateAll(): void {
    generation++
    sessionCache.clear()
    userCache.clear()
    accessCache.clear()
    listVersions.clear()
  }

  /** Waits for a write and then invalidates what it made stale: everything, when it failed and may still be written. */
  async function invalidateAfter<T>(write: Promise<T>, invalidate: (result: T) => unknown): Promise<T> {
    try {
      const result = await write
      generation++
      await invalidate(result)
      return result
    } catch (error) {
      invalidateAll()
      throw error
    }
  }

  /** Reads a value, and caches it unless the cache was invalidated meanwhile or is not usable. */
  async function readThrough<T>(read: Promise<T | undefined>, store: (value: T) => void): Promise<T | undefined> {
    const before = generation
    const cacheable = usable
    const value = await read
    if (value !== undefined && before === generation && cacheable) store(value)
    return value
  }

  const invalidateSessions = (ids: string[]) => {
    for (const id of ids) sessionCache.delete(id)
  }

  const invalidateLists = (user_ids: number[]) => {
    for (const id of user_ids) listVersions.invalidateUser(id)
  }

  function invalidateAfterChange(change: Change, result: Result): void {
    const { type, chat_id } = change
    if (type === 'read') return listVersions.invalidateUser(change.user.id)
    if (type === 'join') listVersions.invalidateUser(change.user.id)
    if (type === 'set_member') listVersions.invalidateUser(change.member.id)
    listVersions.invalidateChat(chat_id)
    const message = 'message' in result && result.message
    if (message && MESSAGE_CHANGES.has(type)) accessCache.advance(chat_id, message.seq)
    else accessCache.invalidateChat(chat_id)
  }

  return {
    ...repositories,

    sessions: {
      ...sessions,
      async find(id) {
        const cached = isUsable() ? sessionCache.get(id) : undefined
        if (cached && cached.user === userCache.get(cached.user.id) && cached.session.expires_at > Date.now()) {
          return cached
        }
        return readThrough(sessions.find(id), ({ session, user: found }) => {
          const user = userCache.get(found.id) ?? found
          userCache.set(user.id, user)
          sessionCache.set(id, { session, user })
        })
      },
      changePassword: (...args) => invalidateAfter(sessions.changePassword(...args), invalidateSessions),
      async touch(id, times) {
        try {
          await sessions.touch(id, times)
        } finally {
          generation++
          sessionCache.delete(id)
        }
      },
      endOldest: (...args) => invalidateAfter(sessions.endOldest(...args), invalidateSessions),
      remove: (...args) => invalidateAfter(sessions.remove(...args), invalidateSessions)
    },

    users: {
      ...users,
      setProfile: (id, profile) =>
        invalidateAfter(users.setProfile(id, profile), async () => {
          userCache.delete(id)
          // The other user of a direct chat sees the profile in their list.
          for (const chat_id of await chats.ids(id)) listVersions.invalidateChat(chat_id)
        })
    },

    members: {
      ...members,
      async access(chat_id, user_id) {
        const cached = isUsable() ? accessCache.get(chat_id, user_id) : undefined
        if (cached) return cached
        return readThrough(members.access(chat_id, user_id), access => accessCache.set(chat_id, user_id, access))
      }
    },

    chats: {
      ...chats,
      async listVersion(user_id) {
        if (!isUsable()) return undefined
        const cached = listVersions.get(user_id)
        if (cached !== undefined) return cached
        let version: number | undefined
        await readThrough(chats.ids(user_id, CHATS_PER_USER + 1), chat_ids => {
          version = listVersions.start(user_id, chat_ids)
        })
        return version
      },
      create: (owner, chat) =>
        invalidateAfter(chats.create(owner, chat), () => invalidateLists([owner, ...(chat.member_ids ?? [])])),
      direct: (user_id, other) => invalidateAfter(chats.direct(user_id, other), () => invalidateLists([user_id, other]))
    },

    log: {
      ...log,
      append: changes =>
        invalidateAfter(log.append(changes), results => {
          for (let i = 0; i < changes.length; i++) invalidateAfterChange(changes[i] as Change, results[i] as Result)
        })
    }
  }
}
