import { Recent } from '../../recent.ts'
import type { User } from '../../schemas/user.ts'
import type { Stored } from '../plugin.ts'
import type { Change, Outcome } from '../sqlite/log/log.ts'
import type { SessionRow } from '../sqlite/sessions.ts'
import { Standings } from './chat-access.ts'
import { CHATS_EACH, ListVersions } from './chat-list-versions.ts'

/** Changes that leave members, roles and settings as they were. */
const MESSAGES_ONLY: ReadonlySet<Change['type']> = new Set(['send', 'edit', 'delete', 'react', 'unreact'])
/** Sessions and users that are remembered. */
const SESSIONS = 20_000

/** The repositories, and what only those who remember can tell. */
export type Remembered = Stored & {
  chats: {
    /**
     * The version of a user's list of chats: a list that was read under this number is what would be read now. Asked
     * for before the list is. Undefined when it cannot be told.
     */
    listVersion(user_id: number): Promise<number | undefined>
  }
}

/**
 * Repositories that remember what nearly every request asks for: the session with its user, how the user stands to the
 * chat, and whether their list of chats is still what it was. What they remember is forgotten before the promise of the
 * change resolves that makes it untrue, so that whoever was told of a logout or a removal finds that it holds.
 *
 * Other processes may write to the same file: `dataVersion` tells that one has. It is asked once in a turn of the event
 * loop, before the first use of what is remembered; so their changes hold for every request that arrives in a later
 * turn. It costs as much as the shorter of the queries that it saves.
 */
export function remember(db: Stored, dataVersion: () => number): Remembered {
  const sessions = new Recent<{ session: SessionRow; user: User }>(SESSIONS)
  const users = new Recent<User, number>(SESSIONS, ({ data }) => (data ? JSON.stringify(data).length / 100 : 1))
  const standings = new Standings()
  const lists = new ListVersions()
  let version = dataVersion()
  let looked = false
  /** Grows with everything that is forgotten: what was read before it did is not remembered any more. */
  let forgotten = 0

  const turnOver = () => {
    looked = false
  }

  function look(): void {
    if (looked) return
    const now = dataVersion()
    looked = true
    setImmediate(turnOver)
    if (now === version) return
    version = now
    forgetAll()
  }

  function forgetAll(): void {
    forgotten++
    sessions.clear()
    users.clear()
    standings.clear()
    lists.clear()
  }

  /** Makes a change, and then forgets what it made untrue: everything, when nobody knows how far it got. */
  async function changing<T>(change: Promise<T>, forget: (made: T) => unknown): Promise<T> {
    try {
      const made = await change
      forgotten++
      await forget(made)
      return made
    } catch (error) {
      forgetAll()
      throw error
    }
  }

  /** Reads, and remembers what was found unless something changed meanwhile. */
  async function reading<T>(read: Promise<T | undefined>, keep: (found: T) => void): Promise<T | undefined> {
    const before = forgotten
    const found = await read
    if (found !== undefined && before === forgotten) keep(found)
    return found
  }

  const forgetSessions = (ids: string[]) => {
    for (const id of ids) sessions.delete(id)
  }

  const forgetLists = (user_ids: number[]) => {
    for (const id of user_ids) lists.forget(id)
  }

  /** A change of the log, or an attempt at one. */
  function appended(change: Change, outcome: Outcome): void {
    const { type, chat_id } = change
    if (type === 'read') return lists.forget(change.user.id)
    if (type === 'join') lists.forget(change.user.id)
    if (type === 'set_member') lists.forget(change.member.id)
    lists.changed(chat_id)
    const message = 'message' in outcome && outcome.message
    if (message && MESSAGES_ONLY.has(type)) standings.advance(chat_id, message.seq)
    else standings.forget(chat_id)
  }

  return {
    ...db,

    sessions: {
      ...db.sessions,
      async find(id) {
        look()
        const known = sessions.get(id)
        if (known && known.user === users.get(known.user.id) && known.session.expires_at > Date.now()) return known
        return reading(db.sessions.find(id), ({ session, user: found }) => {
          // One for all sessions of a user, or none would find its own.
          const user = users.get(found.id) ?? found
          users.set(user.id, user)
          sessions.set(id, { session, user })
        })
      },
      changePassword: (...args) => changing(db.sessions.changePassword(...args), forgetSessions),
      async touch(id, times) {
        try {
          await db.sessions.touch(id, times)
        } finally {
          forgotten++
          sessions.delete(id)
        }
      },
      endOldest: (...args) => changing(db.sessions.endOldest(...args), forgetSessions),
      remove: (...args) => changing(db.sessions.remove(...args), forgetSessions)
    },

    users: {
      ...db.users,
      setProfile: (id, profile) =>
        changing(db.users.setProfile(id, profile), async () => {
          users.delete(id)
          // In direct chats, the other one sees the profile.
          for (const chat_id of await db.chats.ids(id)) lists.changed(chat_id)
        })
    },

    members: {
      ...db.members,
      async standing(chat_id, user_id) {
        look()
        const known = standings.get(chat_id, user_id)
        if (known) return known
        return reading(db.members.standing(chat_id, user_id), found => standings.set(chat_id, user_id, found))
      }
    },

    chats: {
      ...db.chats,
      async listVersion(user_id) {
        look()
        const known = lists.get(user_id)
        if (known !== undefined) return known
        let started: number | undefined
        await reading(db.chats.ids(user_id, CHATS_EACH + 1), chat_ids => {
          started = lists.start(user_id, chat_ids)
        })
        return started
      },
      create: (owner, chat) =>
        changing(db.chats.create(owner, chat), () => forgetLists([owner, ...(chat.member_ids ?? [])])),
      direct: (user_id, other) => changing(db.chats.direct(user_id, other), () => forgetLists([user_id, other]))
    },

    log: {
      ...db.log,
      append: changes =>
        changing(db.log.append(changes), outcomes => {
          for (let i = 0; i < changes.length; i++) appended(changes[i] as Change, outcomes[i] as Outcome)
        })
    }
  }
}
