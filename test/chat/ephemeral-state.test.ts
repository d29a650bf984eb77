import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { build, type Json } from '../helper.ts'
import type { TestSocket } from '../socket.ts'
import { group, outcome } from './group.ts'

// What a room tells besides messages: once, in turns, and to sockets that could not take it as soon as they can.

t.jobs = 4

/** Frames of these types that arrive until nothing has arrived for `ms`. */
async function events(socket: TestSocket, types: string[], ms = 800): Promise<Json[]> {
  const found: Json[] = []
  for (let frames = await socket.all(ms); frames.length > 0; frames = await socket.all(ms)) {
    found.push(...frames.filter(({ type }) => types.includes(type)))
  }
  return found
}

t.test('read markers: the last one of each person in half a second', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob, cas] = people
  for (let n = 0; n < 50; n++) await ann.post(`${path}/messages`, { message: `${n}` })
  const [a, b, c] = [await ann.v1(id), await bob.v1(id), await cas.v1(id)]
  for (const socket of [a, b, c]) await socket.next('presence')
  for (let n = 1; n <= 50; n++) {
    b.send({ type: 'read', id: n })
    c.send({ type: 'read', id: n })
  }
  for (const socket of [a, b, c]) {
    const markers = await events(socket, ['read'])
    for (const { user } of [bob, cas]) {
      const own = markers.filter(({ user_id }) => user_id === user.id)
      t.ok(own.length <= 2, `${own.length} markers of 50 are told`)
      t.equal(own.at(-1)?.id, 50)
    }
  }
})

t.test('read markers: where over 100 people are online, only for the reader', { buffered: true }, async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const crowd = []
  for (let n = 0; n < 101; n++) crowd.push(await server.account(`crowd${n}`))
  const [bob, ...others] = crowd as [typeof ann, ...(typeof ann)[]]
  const { id, path } = await group(ann, crowd)
  for (const member of others) await member.socket(id)
  const [a, b] = [await ann.v1(id), await bob.v1(id)]
  await ann.post(`${path}/messages`, { message: 'hello' })
  while ((await a.next('presence')).online_count !== 102);
  await bob.put(`${path}/read`, { id: 1 })
  t.match(await b.next('read'), { user_id: bob.user.id, id: 1 })
  t.strictSame(await events(a, ['read']), [])
  t.match((await bob.get(path)).body, { read_id: 1 })
})

t.test('a socket that was behind is told the state it missed, in every chat', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob', 'cas', 'dan')
  const [ann, bob, cas, dan] = people
  const long = await group(ann, [bob])
  const user = { id: ann.user.id, username: 'ann' }
  const text = 'x'.repeat(9000)
  await ann.post(`${path}/messages`, { message: 'hello' })
  await server.app.db.log.append(
    Array.from({ length: 300 }, () => ({ type: 'send' as const, chat_id: long.id, user, text }))
  )
  const [a, c, d] = [await ann.v1(id), await cas.v1(id), await dan.v1(id)]
  const b = await bob.v1InMemory('')
  c.send({ type: 'typing' })
  t.match(await b.next('typing'), { user_ids: [cas.user.id] })
  await b.next('presence')
  b.pause()
  b.send({ type: 'resume', chats: [{ chat_id: long.id, after: 0 }] })
  await sleep(100)
  c.send({ message: 'said it' })
  await a.next('message')
  await bob.put(`${path}/read`, { id: 1 })
  await ann.patch(path, { visibility: 'public' })
  await ann.put(`${path}/members/${bob.user.id}`, { role: 'admin' })
  d.close()
  // More than a second and a half: presence is told at most that often.
  await sleep(2500)
  b.resume()
  const frames: Json[] = []
  while (frames.at(-1)?.type !== 'live') frames.push(await b.next())
  frames.push(...(await b.all(300)))
  const last = (type: string) =>
    frames.filter(frame => frame.chat_id === id || frame.chat?.id === id).findLast(frame => frame.type === type)
  t.match(last('typing'), { user_ids: [] })
  t.match(last('read'), { user_id: bob.user.id, id: 1 })
  t.strictSame(last('presence')?.online, [ann.user.id, bob.user.id, cas.user.id])
  const changes = frames.filter(({ type, chat }) => type === 'chat' && chat.id === id)
  t.match(
    changes.find(({ chat }) => chat.visibility),
    { change: 'updated', chat: { visibility: 'public' } }
  )
  t.match(
    changes.find(({ chat }) => chat.role),
    { change: 'updated', chat: { role: 'admin' } }
  )
  t.ok(
    frames.findIndex(({ type }) => type === 'typing') < frames.findIndex(({ type }) => type === 'live'),
    'during the replay'
  )
})

t.test('a socket that did not read is told the state it missed', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob, cas] = people
  const [a, c] = [await ann.v1(id), await cas.v1(id)]
  const b = await bob.v1InMemory(id)
  c.send({ type: 'typing' })
  t.match(await b.next('typing'), { user_ids: [cas.user.id] })
  b.pause()
  for (let n = 0; n < 60; n++) a.send({ message: 'x'.repeat(9000) })
  for (let n = 0; n < 60; n++) await a.next('ack')
  c.send({ message: 'said it' })
  await a.next('message')
  await bob.put(`${path}/read`, { id: 60 })
  await sleep(1000)
  b.resume()
  const frames: Json[] = []
  while (frames.at(-1)?.type !== 'read') frames.push(await b.next())
  while (frames.filter(({ type }) => type === 'message').length < 61) frames.push(await b.next())
  frames.push(...(await b.all(800)))
  t.match(
    frames.findLast(({ type }) => type === 'typing'),
    { user_ids: [] }
  )
  t.match(
    frames.findLast(({ type }) => type === 'read'),
    { user_id: bob.user.id, id: 60 }
  )
})

t.test('a socket that opens while somebody types is told so', { buffered: true }, async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob, cas] = people
  const a = await ann.v1(id)
  a.send({ type: 'typing' })
  await a.next('typing')
  const b = await bob.v1(id)
  t.match(await b.next('typing', 2500), { user_ids: [ann.user.id] })
  a.send({ message: 'said it' })
  t.match(await b.next('typing'), { user_ids: [] })
  const c = await cas.v1(id)
  await c.next('presence')
  t.strictSame(await events(c, ['typing'], 300), [], 'nobody types')
})

t.test('somebody who goes on typing is typing', { buffered: true }, async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [a, b] = [await people[0].v1(id), await people[1].v1(id)]
  for (const pause of [2900, 3300, 2900, 0]) {
    b.send({ type: 'typing' })
    await sleep(pause)
  }
  const told = (await a.all(300)).filter(({ type }) => type === 'typing')
  t.strictSame(
    told.map(({ user_ids }) => user_ids),
    [[people[1].user.id]]
  )
  t.match(await a.next('typing'), { user_ids: [] })
})

t.test('who inherits a chat is told', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob] = people
  const [one, all] = [await bob.v1(id), await bob.v1('')]
  t.equal(outcome(await ann.delete(`${path}/members/${ann.user.id}`)), '204')
  for (const socket of [one, all]) {
    t.match(await socket.next('chat'), { change: 'updated', chat: { id, role: 'owner' } })
  }
})
