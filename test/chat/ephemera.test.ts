import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { build } from '../helper.ts'

// They wait, mostly, and so at the same time.
t.jobs = 4

t.test('presence: first and last socket of a user, coalesced, and shown to newcomers', { buffered: true }, async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1(id)
  t.strictSame(await a.next('presence'), { type: 'presence', chat_id: id, online: [ann.user.id] })
  const sockets = []
  for (let i = 0; i < 5; i++) sockets.push(await bob.socket(id))
  t.strictSame((await a.next('presence')).online, [ann.user.id, bob.user.id], 'plain sockets count')
  const second = await ann.v1(id)
  t.strictSame((await second.next('presence')).online, [ann.user.id, bob.user.id])
  for (const socket of sockets.slice(1)) socket.close()
  t.strictSame(
    (await a.all(1700)).filter(({ type }) => type === 'presence'),
    [],
    'bob still has a socket'
  )
  sockets[0]?.close()
  t.strictSame((await a.next('presence')).online, [ann.user.id])
})

t.test('presence: who could not take it is told later', { buffered: true }, async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const a = await ann.v1(id)
  await a.next('presence')
  const slow = await ann.v1InMemory(id)
  await slow.next('ready')
  slow.pause()
  for (let i = 0; i < 10; i++) a.send({ message: 'x'.repeat(9000) })
  await sleep(1700)
  slow.resume()
  t.strictSame((await slow.next('presence')).online, [ann.user.id])
})

t.test(
  'typing: the full list, passed on once in 3 s, gone after 6 s, after a message, after the last socket',
  async t => {
    const server = await build(t)
    const { id, people } = await server.chat('ann', 'bob', 'cas')
    const [ann, bob, cas] = people
    const [a, b, c] = [await ann.v1(id), await bob.v1(id), await cas.v1(id)]
    b.send({ type: 'typing' })
    t.strictSame(await a.next('typing'), { type: 'typing', chat_id: id, user_ids: [bob.user.id] })
    b.send({ type: 'typing' })
    c.send({ type: 'typing', chat_id: id })
    t.strictSame((await a.next('typing')).user_ids, [bob.user.id, cas.user.id])
    c.send({ message: 'said it' })
    t.strictSame((await a.next('typing')).user_ids, [bob.user.id])
    t.strictSame((await a.next('typing', 8000)).user_ids, [], 'expired')
    t.strictSame(
      (await a.all(600)).filter(({ type }) => type === 'typing'),
      []
    )
    b.send({ type: 'typing' })
    t.strictSame((await a.next('typing')).user_ids, [bob.user.id])
    b.close()
    t.strictSame((await a.next('typing')).user_ids, [])
  }
)

t.test('read markers: over HTTP and socket, to every device, never back', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b, phone] = [await ann.v1(id), await bob.v1(id), await bob.v1(id)]
  for (const message of ['one', 'two', 'three']) await ann.post(`${path}/messages`, { message })
  b.send({ type: 'read', id: 2 })
  const marker = { type: 'read', chat_id: id, user_id: bob.user.id, id: 2 }
  t.strictSame(await a.next('read'), marker)
  t.strictSame(await phone.next('read'), marker)
  await bob.put(`${path}/read`, { id: 4711 })
  t.equal((await a.next('read')).id, 3, 'no further than the end')
  b.send({ type: 'read', id: 1 })
  t.strictSame(
    (await a.all(100)).filter(({ type }) => type === 'read'),
    []
  )
  t.match((await bob.get(path)).body, { read_id: 3, unread_count: 0 })
})

t.test('none of it is in the log', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1(id)
  b.send({ type: 'typing' })
  b.send({ type: 'read', id: 0 })
  b.send({ type: 'ping' })
  await b.next('pong')
  t.equal((await ann.get(path)).body.seq, 0)
})
