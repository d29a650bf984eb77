import t, { type Test } from 'tap'
import { ListVersions } from '../../src/db/cache/chat-list-versions.ts'
import { remember } from '../../src/db/cache/with-cache.ts'
import { Patience } from '../../src/db/sqlite/busy-retry.ts'
import { chatsRepository } from '../../src/db/sqlite/chats.ts'
import { logRepository } from '../../src/db/sqlite/log/log.ts'
import { membersRepository } from '../../src/db/sqlite/members.ts'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import { sessionsRepository } from '../../src/db/sqlite/sessions.ts'
import { usersRepository } from '../../src/db/sqlite/users.ts'
import { FairTurns } from '../../src/fair-turns.ts'

/** Repositories that remember, on top of those that do not, with ann, her session and her chat. */
async function repositories(t: Test) {
  const db = openDatabase(':memory:')
  t.teardown(() => void db.$client.close())
  const stored = {
    users: usersRepository(db, new FairTurns()),
    sessions: sessionsRepository(db),
    chats: chatsRepository(db, new FairTurns()),
    members: membersRepository(db),
    log: logRepository(db, new Patience(db.$client))
  }
  const file = { looks: 0, version: 1 }
  const remembering = remember(stored, () => {
    file.looks++
    return file.version
  })
  const ann = await stored.users.create({ username: 'ann', password_hash: 'x' })
  const user = ann as NonNullable<typeof ann>
  const session = await stored.sessions.create({ id: user.id, password_hash: 'x' }, Date.now() + 60_000)
  const chat_id = await stored.chats.create(user.id, { title: 'Friends' })
  return { client: db.$client, stored, remembering, user, sid: session?.id as string, chat_id, file }
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

t.test('what was read is not read again', async t => {
  const { client, remembering, user, sid, chat_id } = await repositories(t)
  const ask = () =>
    Promise.all([
      remembering.sessions.find(sid),
      remembering.members.standing(chat_id, user.id),
      remembering.chats.listVersion(user.id)
    ])
  await ask()
  client.exec('delete from sessions; delete from members')
  const [found, standing, version] = await ask()
  t.match(found, { user, session: { id: sid } })
  t.match(standing, { kind: 'group', visibility: 'private', role: 'owner' })
  t.equal(version, 1)
})

t.test('two sessions of one user are both remembered', async t => {
  const { client, stored, remembering, user, sid } = await repositories(t)
  const second = await stored.sessions.create({ id: user.id, password_hash: 'x' }, Date.now() + 60_000)
  const ids = [sid, second?.id as string]
  for (const id of ids) await remembering.sessions.find(id)
  client.exec('delete from sessions')
  for (const id of ids) t.match(await remembering.sessions.find(id), { session: { id } })
})

t.test('other processes are looked for once in a turn of the event loop', async t => {
  const { client, remembering, user, sid, chat_id, file } = await repositories(t)
  const before = file.looks
  await remembering.sessions.find(sid)
  const version = await remembering.chats.listVersion(user.id)
  await remembering.members.standing(chat_id, user.id)
  t.equal(file.looks, before + 1)

  client.exec("update users set display_name = 'Annie'; update chats set visibility = 'public'")
  for (const ask of [
    async () => t.match(await remembering.members.standing(chat_id, user.id), { visibility: 'public' }),
    async () => t.not(await remembering.chats.listVersion(user.id), version),
    async () => t.match(await remembering.sessions.find(sid), { user: { display_name: 'Annie' } })
  ]) {
    await turn()
    file.version++
    const looks = file.looks
    await ask()
    t.equal(file.looks, looks + 1)
    await ask()
  }
})

t.test('a change that failed is one that may have been made', async t => {
  const { client, stored, remembering, user, sid, chat_id } = await repositories(t)
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
  const again = remember(stored, () => 1)
  await again.sessions.find(sid)
  await again.members.standing(chat_id, user.id)
  const version = await again.chats.listVersion(user.id)
  await t.rejects(again.sessions.touch(sid, { last_seen_at: 5 }), { message: 'no answer' })
  t.match(await again.sessions.find(sid), { session: { last_seen_at: 5 } })
  t.equal(await again.chats.listVersion(user.id), version, "the use of a session is nobody else's business")
  await t.rejects(again.log.append([open]), { message: 'no answer' })
  t.match(await again.sessions.find(sid), { session: { last_seen_at: 5 }, user: { display_name: 'Somebody' } })
  t.match(await again.members.standing(chat_id, user.id), { visibility: 'public' })
  t.not(await again.chats.listVersion(user.id), version)
  t.match(await remembering.members.standing(chat_id, user.id), { visibility: 'public' })
})

t.test('what was read before a change is not remembered after it', async t => {
  const { stored, user, sid, chat_id } = await repositories(t)
  const { find } = stored.sessions
  const { standing } = stored.members
  const { ids } = stored.chats
  const slowly = async <T>(read: Promise<T>) => {
    const found = await read
    await turn()
    return found
  }
  stored.sessions.find = id => slowly(find(id))
  stored.members.standing = (...args) => slowly(standing(...args))
  stored.chats.ids = (...args) => slowly(ids(...args))
  const remembering = remember(stored, () => 1)
  const reads = [
    remembering.sessions.find(sid),
    remembering.members.standing(chat_id, user.id),
    remembering.chats.listVersion(user.id)
  ]
  await remembering.sessions.remove(user.id, sid)
  await remembering.log.append([{ type: 'remove', chat_id, user }])
  t.match(await Promise.all(reads), [{ session: { id: sid } }, { role: 'owner' }, undefined])
  t.equal(await remembering.sessions.find(sid), undefined)
  t.match(await remembering.members.standing(chat_id, user.id), { role: null })
})

t.test('versions of lists are bounded', async t => {
  const lists = new ListVersions()
  const chats = (length: number, from = 0) => Array.from({ length }, (_, i) => from + i)
  t.equal(lists.start(1, chats(1001)), undefined, 'a list of too many chats has none')
  for (let user = 1; user <= 202; user++) lists.start(user, chats(1000))
  t.equal(lists.get(1), undefined, 'all are forgotten when they are too many')
  t.equal(lists.get(202), 202)
  lists.start(201, [5])
  lists.start(202, [6])
  t.equal(lists.get(201), 203, 'no number comes back')
  lists.changed(6)
  lists.changed(7)
  t.strictSame([lists.get(201), lists.get(202)], [203, undefined])
  for (let i = 0; i < 200_000; i++) {
    lists.start(1, [1])
    lists.changed(1)
  }
  t.equal(lists.get(201), 203, 'what is forgotten does not count')
  for (let user = 1000; user <= 201_001; user++) lists.start(user, [])
  t.equal(lists.get(1000), undefined, 'empty lists count')
})
