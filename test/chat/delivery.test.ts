import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { ReadMarkers } from '../../src/chat/ephemeral/read-markers.ts'
import { build } from '../helper.ts'
import { holdCalls, slow } from '../repository.ts'
import { until } from '../until.ts'

// Events on their way to the sockets that they concern, when there are very many of them.

t.test('a session ends at once, however much there is to tell', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b] = [await ann.v1(''), await bob.v1('')]
  await a.next('ready')
  slow(server.app.db.chats, 'find', 1000)
  for (let n = 0; n < 5; n++) {
    server.app.bus.publish({ type: 'members_added', chat_id: id, user_ids: [ann.user.id] })
  }
  await bob.post('/auth/logout')
  t.equal(await b.closed(3000), 4401)
})

t.test('a chat that is deleted is gone at once, however much there is to tell', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b] = [await ann.v1(''), await bob.v1(id)]
  await a.next('ready')
  const other = await server.app.db.chats.create(ann.user.id, { title: 'Other', member_ids: [] })
  slow(server.app.db.chats, 'find', 1000)
  for (let n = 0; n < 5; n++) {
    server.app.bus.publish({ type: 'members_added', chat_id: other, user_ids: [ann.user.id] })
  }
  await ann.delete(path)
  t.equal(await b.closed(3000), 4403)
  t.match(await a.next('chat'), { change: 'removed', chat: { id } })
})

t.test('while very much is still to be told, nothing is changed that makes more of it', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1('')
  await a.next('ready')
  const chats = holdCalls(server.app.db.chats, 'find')
  server.app.bus.publish({ type: 'members_added', chat_id: 99, user_ids: [ann.user.id] })
  for (let n = 0; n < 999; n++) server.app.bus.publish({ type: 'role_changed', chat_id: id, user_id: bob.user.id })
  const refused = { status: 503, body: { code: 'OVERLOADED' } }
  const member = `${path}/members/${bob.user.id}`
  t.match(await ann.put(member, { role: 'admin' }), refused)
  t.match(await ann.post('/chats', { title: 'More' }), refused)
  t.match(await ann.post(`${path}/messages`, { message: 'hello' }), { status: 201 })
  t.match(await ann.get(path.slice(0, path.lastIndexOf('/'))), { status: 200 })
  chats.release()
  await until(async () => (await ann.put(member, { role: 'admin' })).status !== 503)
  t.equal((await ann.post('/chats', { title: 'More' })).status, 201)
})

t.test('very many read markers are told little by little', async t => {
  const COUNT = 30_000
  let told = 0
  let turns = 0
  const nothing = () => undefined
  const room = {
    chat_id: 1,
    presence: { crowded: true },
    updateUser: () => told++,
    updateAll: nothing,
    updateNewcomer: nothing
  }
  const markers = new ReadMarkers(room)
  for (let user = 1; user <= COUNT; user++) markers.move(user, 1)
  while (told < COUNT) {
    if (told > 0) turns++
    await nextTurn()
  }
  t.equal(told, COUNT)
  t.ok(turns >= 2, `${turns} turns of the event loop`)
})

t.test('a message that was deleted after a number is unread up to that number', async t => {
  const server = await build(t)
  const { id: chat_id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  for (const message of ['one', 'two', 'three']) await bob.post(`${path}/messages`, { message })
  await bob.delete(`${path}/messages/1`)
  await bob.delete(`${path}/messages/2`)
  const unread = async (seq: number) =>
    (await server.app.db.chats.unread(ann.user.id, [{ chat_id, seq, read_id: 0 }]))[0]
  t.equal(await unread(4), 2, 'the frame of the deletion is still to come')
  t.equal(await unread(5), 1)
})
