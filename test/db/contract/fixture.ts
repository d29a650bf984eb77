import type { Test } from 'tap'
import type { Change, Failure, Result, Success } from '../../../src/db/changes.ts'
import type { Repositories } from '../../../src/db/repositories.ts'
import type { Role } from '../../../src/schemas/chat.ts'
import type { Message, Sender } from '../../../src/schemas/message.ts'

/** Opens an empty storage, which is closed with the test. */
export type OpenStorage = (t: Test) => Repositories | Promise<Repositories>

type TupleOf<T, Count extends number, Items extends T[] = []> = number extends Count
  ? T[]
  : Items['length'] extends Count
    ? Items
    : TupleOf<T, Count, [...Items, T]>

type WithoutChat<T> = T extends unknown ? Omit<T, 'chat_id' | 'user'> : never

/** A storage, and short ways to fill it. Tests of one noun share a storage: each makes users of its own. */
export class Fixture {
  readonly db: Repositories
  #users = 0

  constructor(db: Repositories) {
    this.db = db
  }

  /** A new account, with the password hash `hash`. */
  async user(username = `user-${++this.#users}`, display_name?: string): Promise<Sender> {
    const user = await this.db.users.create({ username, display_name, password_hash: 'hash' })
    if (!user) throw new Error(`${username} is taken`)
    return { id: user.id, username: user.username }
  }

  /** New accounts, ascending by id. */
  async users<const Count extends number>(count: Count): Promise<TupleOf<Sender, Count>> {
    const users: Sender[] = []
    while (users.length < count) users.push(await this.user())
    return users as TupleOf<Sender, Count>
  }

  /** A new group: the first user is its owner, the others are members. */
  async group(owner: Sender, ...members: Sender[]): Promise<Group> {
    const member_ids = members.map(({ id }) => id)
    return new Group(this.db, await this.db.chats.create(owner.id, { title: 'Friends', member_ids }), owner)
  }

  async publicGroup(owner: Sender, title = 'Public'): Promise<Group> {
    return new Group(this.db, await this.db.chats.create(owner.id, { title, visibility: 'public' }), owner)
  }
}

/** A chat, and short ways to change it. */
export class Group {
  readonly db: Repositories
  readonly id: number
  readonly owner: Sender

  constructor(db: Repositories, id: number, owner: Sender) {
    this.db = db
    this.id = id
    this.owner = owner
  }

  /** A change of this chat by a user. */
  change(user: Sender, change: WithoutChat<Change>): Change {
    return { chat_id: this.id, user, ...change } as Change
  }

  /** Appends one change. Throws the error code of a failure. */
  async append(user: Sender, change: WithoutChat<Change>): Promise<Success> {
    const [result] = await this.db.log.append([this.change(user, change)])
    if (!result || 'error' in result) throw new Error((result as Failure | undefined)?.error)
    return result
  }

  /** Appends one change that must fail. Returns its error code. */
  async refused(user: Sender, change: WithoutChat<Change>): Promise<string> {
    const [result] = await this.db.log.append([this.change(user, change)])
    return result && 'error' in result ? result.error : 'not refused'
  }

  /** Sends these texts in one batch. Returns the messages. */
  async send(user: Sender, ...texts: string[]): Promise<Message[]> {
    const results = await this.db.log.append(texts.map(text => this.change(user, { type: 'send', text })))
    return results.map(messageOf)
  }

  async setRole(member: Sender, role: Role): Promise<void> {
    await this.append(this.owner, { type: 'set_member', member, role })
  }

  async role(user: Sender): Promise<Role | null | undefined> {
    return (await this.db.members.access(this.id, user.id))?.role
  }
}

export function messageOf(result: Result | undefined): Message {
  if (!result || 'error' in result || !result.message) throw new Error(`no message: ${JSON.stringify(result)}`)
  return result.message
}

export const errorsOf = (results: Result[]) => results.map(result => ('error' in result ? result.error : undefined))
export const idsOf = (items: { id: number }[]) => items.map(({ id }) => id)
export const textsOf = (items: Message[]) => items.map(({ message }) => message)

/** All items of a list, page by page. */
export async function allPages<T>(
  read: (page: { limit: number; cursor?: string }) => Promise<{ items: T[]; next_cursor?: string }>,
  limit: number
): Promise<T[][]> {
  const pages: T[][] = []
  for (let cursor: string | undefined; ; ) {
    const { items, next_cursor } = await read(cursor === undefined ? { limit } : { limit, cursor })
    pages.push(items)
    if (next_cursor === undefined) return pages
    cursor = next_cursor
  }
}

/** Runs something while the clock is this many milliseconds off. */
export async function withClock<T>(offset: number, run: () => Promise<T>): Promise<T> {
  const { now } = Date
  return withNow(() => now() + offset, run)
}

/** Runs something while the clock stands still. */
export async function withFrozenClock<T>(run: () => Promise<T>): Promise<T> {
  const time = Date.now()
  return withNow(() => time, run)
}

async function withNow<T>(replacement: () => number, run: () => Promise<T>): Promise<T> {
  const { now } = Date
  Date.now = replacement
  try {
    return await run()
  } finally {
    Date.now = now
  }
}
