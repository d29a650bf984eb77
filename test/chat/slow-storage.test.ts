import t from 'tap'
import { build } from '../helper.ts'
import { holdAnswers, holdCalls, intercept } from '../repository.ts'
import { settled, until } from '../until.ts'
import { countSubmits } from './submits.ts'

// What changes while the database answers. SQLite answers at once, so these tests hold its answers.

t.test('another cursor set while a page is read begins a replay of its own', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  for (const message of ['one', 'two', 'three']) await people[0].post(`${path}/messages`, { message })
  const a = await people[0].v1(id)
  const changes = holdCalls(server.app.db.messages, 'changes')
  a.send({ type: 'resume', chats: [{ chat_id: id, after: 0 }] })
  await changes.called
  a.send({ type: 'resume', chats: [{ chat_id: id, after: 2 }] })
  a.send({ type: 'ping' })
  await a.next('pong')
  changes.release()
  t.match(await a.next('message'), { id: 3 })
  t.match(await a.next(), { type: 'live', seq: 3 })
})

t.test('a message that comes while a page is read follows it', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  for (const message of ['one', 'two']) await ann.post(`${path}/messages`, { message })
  const changes = holdCalls(server.app.db.messages, 'changes')
  const gone = await bob.v1(`?chat_id=${id}&after=0`)
  gone.terminate()
  const b = await bob.v1(`?chat_id=${id}&after=0`)
  await ann.post(`${path}/messages`, { message: 'three' })
  changes.release()
  for (const seq of [1, 2, 3]) t.match(await b.next('message'), { seq })
  t.match(await b.next(), { type: 'live', seq: 3 })
})

t.test('a socket that closes while its session is looked up, or a chat is, is forgotten', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  // The sockets look up their session 60 s before it ends: in a second, when the calls are held.
  await server.sql('update sessions set expires_at = ?', Date.now() + 61_000)
  const a = await ann.v1('')
  const again = await ann.v1('')
  const gone = await ann.v1('')
  const clients = (count: number) => until(() => server.app.websocketServer.clients.size === count)
  const chats = holdCalls(server.app.db.chats, 'find')
  const made = bob.post('/chats', { title: 'New', member_ids: [ann.user.id] })
  await chats.called
  a.terminate()
  await clients(2)
  chats.release()
  const { body } = await made
  server.app.bus.publish({ type: 'members_added', chat_id: body.id, user_ids: [ann.user.id] })
  const sessions = holdCalls(server.app.db.sessions, 'find')
  await sessions.called
  gone.terminate()
  await clients(1)
  sessions.release()
  t.match(await again.next('chat'), { change: 'added', chat: { id: body.id } })
  t.strictSame(
    (await again.all(200)).filter(({ type }) => type === 'chat'),
    [],
    'told once, however often it is heard'
  )
  t.match((await bob.get(`/chats/${id}`)).status, 200)
})

t.test('a socket of a member who is removed during the handshake is closed', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const state = holdAnswers(server.app.db.members, 'readState')
  const opening = bob.v1(id)
  await state.called
  t.equal((await ann.delete(`${path}/members/${bob.user.id}`)).status, 204)
  state.release()
  t.equal(await (await opening).closed(), 4403)
})

t.test('a session that ends during the handshake has no socket', async t => {
  const server = await build(t)
  const { people } = await server.chat('ann')
  const [ann] = people
  const heads = holdCalls(server.app.db.chats, 'heads')
  const opening = ann.v1('')
  await heads.called
  t.equal((await ann.post('/auth/logout')).status, 204)
  heads.release()
  t.equal(await (await opening).closed(), 4401)
})

t.test('a chat that is gone by the time it is shown is not there', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  intercept(server.app.db.chats, 'find', async () => undefined)
  t.match(await people[0].get(path), { status: 404, body: { code: 'CHAT_NOT_FOUND' } })
})

t.test('a change of a chat that is gone, or of who is gone, by its turn', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [user, member] = [ann.user, bob.user]
  t.match(
    await server.app.db.log.append([
      { type: 'send', chat_id: 4711, user, text: 'x' },
      { type: 'leave', chat_id: id, user, member },
      { type: 'leave', chat_id: id, user, member }
    ]),
    [{ error: 'CHAT_NOT_FOUND' }, { changed: true }, { error: 'MEMBER_NOT_FOUND' }]
  )
  t.strictSame(await server.app.db.members.readState(id, bob.user.id), { read_id: 0, unread_count: 0 })
  intercept(server.app.db.log, 'append', async () => [{ error: 'STORAGE_FAILED' }])
  const failed = await ann.post(`${path}/messages`, { message: 'x' })
  t.match(failed, { status: 503, body: { code: 'STORAGE_FAILED' } })
  t.equal(failed.headers.get('retry-after'), '1')
})

t.test('a plain socket that is far behind reads page by page, without what was deleted and its own', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const { id: user_id, username } = ann.user
  const send = { type: 'send' as const, chat_id: id, user: { id: user_id, username }, text: 'x' }
  await server.app.db.log.append(Array.from({ length: 250 }, () => send))
  await ann.delete(`${path}/messages/7`)
  const b = await bob.socket(`?chat_id=${id}&after=0`)
  const ids: number[] = []
  while (ids.at(-1) !== 250) ids.push((await b.next()).id)
  t.strictSame(
    ids,
    Array.from({ length: 250 }, (_, i) => i + 1).filter(id => id !== 7)
  )
})

t.test('a batch of sends and edits is new messages only to a plain sender', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b] = [await ann.socket(id), await bob.socket(id)]
  await ann.post(`${path}/messages`, { message: 'one' })
  await Promise.all([a.next(), b.next()])
  const append = holdCalls(server.app.db.log, 'append')
  const submits = countSubmits(t)
  a.send({ message: 'starts a batch' })
  await append.called
  a.send({ message: 'mine' })
  const edit = ann.patch(`${path}/messages/1`, { message: 'uno' })
  b.send({ message: 'other' })
  await until(() => submits() === 4)
  append.release()
  await edit
  t.match(await a.next(), { message: 'other' })
  await a.silent(50)
  t.match(await b.next(), { message: 'starts a batch' })
  t.match(await b.next(), { message: 'mine' })
})

t.test('what the room was not told of is read from the log', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b] = [await ann.v1(id), await bob.v1(id)]
  // As another node would, behind the back of this one's rooms.
  const user = { id: ann.user.id, username: 'ann' }
  await server.app.db.log.append([{ type: 'send', chat_id: id, user, text: 'unheard of' }])
  a.send({ message: 'next' })
  t.match(await b.next('message'), { seq: 1, message: 'unheard of' })
  t.match(await b.next('message'), { seq: 2, message: 'next' })
  t.match(await a.next('message'), { seq: 1, message: 'unheard of' })
  t.match(await a.next('ack'), { seq: 2 })
})

t.test('what somebody sends before they are removed is acked, in one batch with the removal', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1('')
  await b.next('ready')
  const append = holdCalls(server.app.db.log, 'append')
  const submits = countSubmits(t)
  const first = ann.post(`${path}/messages`, { message: 'starts a batch' })
  await append.called
  b.send({ chat_id: id, message: 'last words', client_id: 'last' })
  await until(() => submits() === 2)
  const removed = ann.delete(`${path}/members/${bob.user.id}`)
  await until(() => submits() === 3)
  append.release()
  t.match(await b.next('ack'), { client_id: 'last' })
  t.match(await b.next('chat'), { change: 'removed' })
  t.strictSame([(await first).status, (await removed).status], [201, 204])
})

t.test('a long replay of long messages is given in short pieces', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const user = { id: ann.user.id, username: 'ann' }
  // Each takes six bytes in JSON.
  const text = '\u0001'.repeat(10_000)
  await server.app.db.log.append(
    Array.from({ length: 100 }, () => ({ type: 'send' as const, chat_id: id, user, text }))
  )
  const { far, createConnection } = server.memory()
  const b = await bob.v1(`?chat_id=${id}&after=0`, { createConnection })
  b.pause()
  await settled(() => far.writableLength)
  t.ok(far.writableLength < 200_000, `${far.writableLength} bytes wait`)
  b.resume()
  for (let seq = 1; seq <= 100; seq++) t.equal((await b.next('message')).seq, seq)
})
