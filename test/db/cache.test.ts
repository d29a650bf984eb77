import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { ChatListVersions } from '../../src/db/cache/chat-list-versions.ts'
import { withCache } from '../../src/db/cache/with-cache.ts'
import type { Repositories } from '../../src/db/repositories.ts'
import { openStorage } from '../../src/db/sqlite/storage.ts'

/** A feed of foreign writes that reports one when `version` has changed, and counts how often it is asked. */
class Feed {
  asked = 0
  version = 1
  isUpToDate = true
  #reported = 1
  readonly #listeners: (() => void)[] = []

  upToDate(): boolean {
    this.asked++
    if (this.#reported !== this.version) for (const listener of this.#listeners) listener()
    this.#reported = this.version
    return this.isUpToDate
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.push(listener)
    return () => undefined
  }
}

/** Repositories with and without a cache, with ann, her session and her chat. The cache does not notice `client`. */
async function repositories(t: Test) {
  const file = join(t.testdir({}), 'confab.db')
  const stored = openStorage(file, { warn: () => t.fail('no warning') }).repositories
  const client = new Sqlite(file)
  t.teardown(() => {
    client.close()
    return stored.close()
  })
  const feed = new Feed()
  const cached = withCache({ repositories: stored, foreignWrites: feed })
  const ann = await stored.users.create({ username: 'ann', password_hash: 'x' })
  const user = ann as NonNullable<typeof ann>
  const session = await stored.sessions.create({ id: user.id, password_hash: 'x' }, Date.now() + 60_000)
  const chat_id = await stored.chats.create(user.id, { title: 'Friends' })
  return { client, stored, cached, user, sid: session?.id as string, chat_id, feed }
}

const withoutFeed = (stored: Repositories) => withCache({ repositories: stored, foreignWrites: new Feed() })

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

t.test('what was read is not read again', async t => {
  const { client, cached, user, sid, chat_id } = await repositories(t)
  const ask = () =>
    Promise.all([cached.sessions.find(sid), cached.members.access(chat_id, user.id), cached.chats.listVersion(user.id)])
  await ask()
  client.exec('delete from sessions; delete from members')
  const [found, access, version] = await ask()
  t.match(found, { user, session: { id: sid } })
  t.match(access, { kind: 'group', visibility: 'private', role: 'owner' })
  t.equal(version, 1)
})

t.test('two sessions of one user are both cached', async t => {
  const { client, stored, cached, user, sid } = await repositories(t)
  const second = await stored.sessions.create({ id: user.id, password_hash: 'x' }, Date.now() + 60_000)
  const ids = [sid, second?.id as string]
  for (const id of ids) await cached.sessions.find(id)
  client.exec('delete from sessions')
  for (const id of ids) t.match(await cached.sessions.find(id), { session: { id } })
})

t.test('foreign writes are asked for once in a turn of the event loop', async t => {
  const { client, cached, user, sid, chat_id, feed } = await repositories(t)
  const before = feed.asked
  await cached.sessions.find(sid)
  const version = await cached.chats.listVersion(user.id)
  await cached.members.access(chat_id, user.id)
  t.equal(feed.asked, before + 1)

  client.exec("update users set display_name = 'Annie'; update chats set visibility = 'public'")
  for (const ask of [
    async () => t.match(await cached.members.access(chat_id, user.id), { visibility: 'public' }),
    async () => t.not(await cached.chats.listVersion(user.id), version),
    async () => t.match(await cached.sessions.find(sid), { user: { display_name: 'Annie' } })
  ]) {
    await turn()
    feed.version++
    const asked = feed.asked
    await ask()
    t.equal(feed.asked, asked + 1)
    await ask()
  }
})

t.test('without a feed, nothing is taken from the cache or put into it', async t => {
  const { client, cached, user, sid, chat_id, feed } = await repositories(t)
  const ask = async () => {
    await turn()
    const [found, access] = [await cached.sessions.find(sid), await cached.members.access(chat_id, user.id)]
    return [found?.user.display_name, access?.visibility, await cached.chats.listVersion(user.id)]
  }
  t.strictSame(await ask(), ['ann', 'private', 1])
  feed.isUpToDate = false
  client.exec("update users set display_name = 'Annie'; update chats set visibility = 'public'")
  t.strictSame(await ask(), ['Annie', 'public', undefined])
  client.exec("update users set display_name = 'Anna'; update chats set visibility = 'private'")
  feed.version++
  feed.isUpToDate = true
  t.strictSame(await ask(), ['Anna', 'private', 2])
})

t.test('what was read without a feed is not in the cache when the feed is back', async t => {
  const { client, cached, user, sid, chat_id, feed } = await repositories(t)
  const ask = async () => {
    await turn()
    const [found, access] = [await cached.sessions.find(sid), await cached.members.access(chat_id, user.id)]
    return [found?.user.display_name, access?.visibility]
  }
  feed.isUpToDate = false
  t.strictSame(await ask(), ['ann', 'private'])
  client.exec("update users set display_name = 'Annie'; update chats set visibility = 'public'")
  feed.isUpToDate = true
  t.strictSame(await ask(), ['Annie', 'public'])
})

t.test('a change that failed is one that may have been made', async t => {
  const { client, stored, cached, user, sid, chat_id } = await repositories(t)
  const open = { type: 'settings' as const, chat_id, user, visibility: 'public' as const }
  const { append } = stored.log
  stored.log.append = async changes => {
    await append(changes)
    client.exec("update users set display_name = 'Somebody'")
    throw new Error('no answer')
  }
  const { touch } = stored.sessions
  stored.sessions.touch = async (...args) => {
    await touch(...args)
    throw new Error('no answer')
  }
  const again = withoutFeed(stored)
  await again.sessions.find(sid)
  await again.members.access(chat_id, user.id)
  const version = await again.chats.listVersion(user.id)
  await t.rejects(again.sessions.touch(sid, { last_seen_at: 5 }), { message: 'no answer' })
  t.match(await again.sessions.find(sid), { session: { last_seen_at: 5 } })
  t.equal(await again.chats.listVersion(user.id), version, "the use of a session is nobody else's business")
  await t.rejects(again.log.append([open]), { message: 'no answer' })
  t.match(await again.sessions.find(sid), { session: { last_seen_at: 5 }, user: { display_name: 'Somebody' } })
  t.match(await again.members.access(chat_id, user.id), { visibility: 'public' })
  t.not(await again.chats.listVersion(user.id), version)
  t.match(await cached.members.access(chat_id, user.id), { visibility: 'public' })
})

t.test('what was read before a change is not cached after it', async t => {
  const { stored, user, sid, chat_id } = await repositories(t)
  const { find } = stored.sessions
  const { access } = stored.members
  const { ids } = stored.chats
  const slowly = async <T>(read: Promise<T>) => {
    const found = await read
    await turn()
    return found
  }
  stored.sessions.find = id => slowly(find(id))
  stored.members.access = (...args) => slowly(access(...args))
  stored.chats.ids = (...args) => slowly(ids(...args))
  const cached = withoutFeed(stored)
  const reads = [cached.sessions.find(sid), cached.members.access(chat_id, user.id), cached.chats.listVersion(user.id)]
  await cached.sessions.remove(user.id, sid)
  await cached.log.append([{ type: 'remove', chat_id, user }])
  t.match(await Promise.all(reads), [{ session: { id: sid } }, { role: 'owner' }, undefined])
  t.equal(await cached.sessions.find(sid), undefined)
  t.match(await cached.members.access(chat_id, user.id), { role: null })
})

t.test('what was read before the write of another process is not cached after it', async t => {
  const { client, stored, user, chat_id, feed } = await repositories(t)
  const { access } = stored.members
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  stored.members.access = async (...args) => {
    const found = await access(...args)
    await released
    return found
  }
  const cached = withCache({ repositories: stored, foreignWrites: feed })
  const before = cached.members.access(chat_id, user.id)
  await turn()
  client.exec("update chats set visibility = 'public'")
  feed.version++
  await cached.sessions.find('none')
  release()
  t.match(await before, { visibility: 'private' })
  t.match(await cached.members.access(chat_id, user.id), { visibility: 'public' })
})

t.test('versions of lists are bounded', async t => {
  const lists = new ChatListVersions()
  const chats = (length: number, from = 0) => Array.from({ length }, (_, i) => from + i)
  t.equal(lists.start(1, chats(1001)), undefined, 'a list of too many chats has none')
  for (let user = 1; user <= 202; user++) lists.start(user, chats(1000))
  t.equal(lists.get(1), undefined, 'all are removed when they are too many')
  t.equal(lists.get(202), 202)
  lists.start(201, [5])
  lists.start(202, [6])
  t.equal(lists.get(201), 203, 'no number comes back')
  lists.invalidateChat(6)
  lists.invalidateChat(7)
  t.strictSame([lists.get(201), lists.get(202)], [203, undefined])
  for (let i = 0; i < 200_000; i++) {
    lists.start(1, [1])
    lists.invalidateChat(1)
  }
  t.equal(lists.get(201), 203, 'removed entries do not count')
  for (let user = 1000; user <= 201_001; user++) lists.start(user, [])
  t.equal(lists.get(1000), undefined, 'empty lists count')
})
