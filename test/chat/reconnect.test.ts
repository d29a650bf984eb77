import t from 'tap'
import { Connection } from '../../src/chat/socket/connection.ts'
import { build, type Client, type Json } from '../helper.ts'
import { fail, intercept } from '../repository.ts'
import { laterTime } from '../until.ts'
import { group } from './group.ts'

// What a socket is told of unread messages when it opens.

t.test('ready tells how far I have read, and what is unread up to its seq', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const quiet = await group(ann, [bob])
  for (const message of ['one', 'two', 'three']) await ann.post(`${path}/messages`, { message })
  await bob.post(`${path}/messages`, { message: 'mine' })
  await bob.put(`${path}/read`, { id: 1 })
  const all = await bob.v1('')
  t.strictSame((await all.next('ready')).chats, [
    { chat_id: id, seq: 4, read_id: 1, unread_count: 2 },
    { chat_id: quiet.id, seq: 0, read_id: 0, unread_count: 0 }
  ])
  const one = await bob.v1(id)
  t.strictSame((await one.next('ready')).chats, [{ chat_id: id, seq: 4, read_id: 1, unread_count: 2 }])
  await bob.put(`${path}/read`, { id: 4 })
  const read = await bob.v1(id)
  t.strictSame((await read.next('ready')).chats, [{ chat_id: id, seq: 4, read_id: 4, unread_count: 0 }])
})

/** Chats of ann and bob, each with one message of ann's that bob has not read. */
async function manyChats(ann: Client, bob: Client, count: number): Promise<number[]> {
  const { server } = ann
  const rows = await server.sql(
    `insert into chats (kind, visibility, created_by, created_at, updated_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < ${count})
    select 'group', 'private', ${ann.user.id}, 1, 1 from n returning id`
  )
  const ids = rows.map(({ id }) => id)
  await server.sql(
    `insert into members (chat_id, user_id, role, joined_at)
    select chats.id, users.id, 'member', 1 from chats, users where users.id in (?, ?)`,
    ann.user.id,
    bob.user.id
  )
  const send = (chat_id: number) => ({ type: 'send' as const, chat_id, user: ann.user, text: 'hello' })
  await server.app.db.log.append(ids.map(send))
  return ids
}

for (const count of [250, 1200]) {
  t.test(`of ${count} chats, ready tells the latest 200, unread frames the others`, async t => {
    const server = await build(t)
    const [ann, bob] = [await server.account('ann'), await server.account('bob')]
    const ids = await manyChats(ann, bob, count)
    const latest = ids[0] as number
    await laterTime()
    await ann.post(`/chats/${latest}/messages`, { message: 'later' })
    const b = await bob.v1('')
    const { chats } = await b.next('ready')
    t.strictSame(
      chats.map((chat: Json) => chat.chat_id).sort((a: number, b: number) => a - b),
      ids
    )
    t.strictSame(chats[0], { chat_id: latest, seq: 2, read_id: 0, unread_count: 2 })
    t.equal(chats.filter((chat: Json) => 'unread_count' in chat && 'read_id' in chat).length, 200)
    const items: Json[] = []
    while (items.length < count - 200) items.push(...(await b.next('unread')).items)
    t.strictSame(
      items.map(item => item.chat_id).sort((a, b) => a - b),
      chats
        .flatMap((chat: Json) => ('unread_count' in chat ? [] : [chat.chat_id]))
        .sort((a: number, b: number) => a - b)
    )
    t.ok(items.every(item => item.read_id === 0 && item.unread_count === 1))
    const last = ids.at(-1) as number
    b.send({ type: 'send', chat_id: last, message: 'from the last one' })
    t.match(await b.next('ack'), { chat_id: last, id: 2 })
    await ann.post(`/chats/${last}/messages`, { message: 'and back' })
    t.match(await b.next('message'), { chat_id: last, message: 'and back' })
  })
}

t.test('a frame that comes while a socket enters its many chats is not lost', async t => {
  const server = await build(t)
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  const ids = await manyChats(ann, bob, 3000)
  const b = await bob.v1('')
  b.send({ type: 'send', chat_id: ids.at(-1) as number, message: 'early', client_id: 'early' })
  b.send({ type: 'send', chat_id: ids[0] as number, message: 'early', client_id: 'too' })
  const acked = [(await b.next('ack')).client_id, (await b.next('ack')).client_id]
  t.strictSame(acked.sort(), ['early', 'too'])
})

t.test('a chat that comes or goes while a socket enters its many chats is there once, or not at all', async t => {
  const server = await build(t)
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  const ids = await manyChats(ann, bob, 3000)
  // The first and the last to be entered: of one of them, the socket hears before it has come so far.
  const [came, went] = [
    [ids[0], ids.at(-1)],
    [ids[1], ids.at(-2)]
  ] as [number[], number[]]
  const { send } = Connection.prototype
  Connection.prototype.send = function (frame) {
    send.call(this, frame)
    if (frame.type !== 'ready') return
    for (const chat_id of came) server.app.bus.publish({ type: 'members_added', chat_id, user_ids: [bob.user.id] })
    for (const chat_id of went) server.app.bus.publish({ type: 'chat_removed', chat_id })
  }
  t.teardown(() => {
    Connection.prototype.send = send
  })
  const b = await bob.v1('')
  await b.next('ready')
  for (const chat_id of came) await ann.post(`/chats/${chat_id}/messages`, { message: `in ${chat_id}` })
  b.send({ type: 'ping' })
  const frames = await b.all(500)
  const of = (kind: string) => frames.filter(({ type }) => type === kind)
  t.strictSame(
    of('message').map(({ chat_id }) => chat_id),
    came
  )
  const removed = of('chat').filter(({ change }) => change === 'removed')
  t.strictSame(removed.map(({ chat }) => chat.id).sort(), [...went].sort())
  t.equal(of('pong').length, 1)
})

t.test('somebody who is removed while their socket opens gets nothing of the chat', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const kept = await group(ann, [bob])
  let removed: Promise<unknown> | undefined
  intercept(server.app.db.chats, 'unread', async call => {
    removed ??= ann.delete(`${path}/members/${bob.user.id}`)
    await removed
    return call()
  })
  const b = await bob.v1('')
  t.match((await b.next('ready')).chats, [{ chat_id: kept.id }])
  await ann.post(`${path}/messages`, { message: 'secret' })
  await ann.post(`${kept.path}/messages`, { message: 'open' })
  t.match(await b.next('message'), { chat_id: kept.id })
  t.notOk(id === kept.id)
})

t.test("messages of one's own cost a bounded count", async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const send = (user: Client['user'], count: number) =>
    server.app.db.log.append(
      Array.from({ length: count }, () => ({ type: 'send' as const, chat_id: id, user, text: 'x' }))
    )
  await send(bob.user, 9990)
  await send(ann.user, 50)
  t.match((await bob.get(path)).body, { seq: 10_040, unread_count: 10 })
})

t.test('when unread messages cannot be counted, the socket goes on without', async t => {
  const server = await build(t)
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  const ids = await manyChats(ann, bob, 250)
  const calls = fail(server.app.db.chats, 'unread', 1)
  const b = await bob.v1('')
  await b.next('ready')
  b.send({ type: 'send', chat_id: ids.at(-1) as number, message: 'hello' })
  t.match(await b.next('ack'), { id: 2 })
  t.equal(calls(), 2)
})
