import t from 'tap'
import { Log } from '../../src/chat/log.ts'
import type { Result } from '../../src/db/changes.ts'
import type { Message } from '../../src/schemas/message.ts'
import { build, type Client, type Server } from '../helper.ts'
import { fail } from '../repository.ts'
import { settled, until } from '../until.ts'

/** Accounts with sessions, made past the slow password hash. */
async function crowd(server: Server, size: number): Promise<Client[]> {
  const people: Client[] = []
  for (let i = 0; i < size; i++) {
    const user = await server.app.db.users.create({ username: `crowd-${i}`, password_hash: '' })
    if (!user) throw new Error('taken')
    const exp = Math.floor(Date.now() / 1000) + 3600
    const session = await server.app.db.sessions.create({ id: user.id, password_hash: '' }, exp * 1000)
    const token = server.app.jwt.sign({ sub: String(user.id), sid: session?.id as string, exp })
    people.push(server.client(`access_token=${token}`, user))
  }
  return people
}

/** Rooms that hold nothing up. */
const IDLE = { busy: false, anyFull: false, isFull: () => false }

t.test('when the database fails, sockets are told or closed, and the process lives', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  await ann.post(`/chats/${id}/messages`, { message: 'stored' })
  const [a, b] = [await ann.v1(id), await ann.v1(id)]
  const all = await ann.v1('')
  await Promise.all([a.next('ready'), b.next('ready'), all.next('ready')])
  for (const socket of [a, b, all]) {
    socket.send({ type: 'ping' })
    await socket.next('pong')
  }
  await server.app.db.close()
  a.send({ message: 'x', client_id: 'c' })
  t.match(await a.next('error'), { code: 'STORAGE_FAILED', client_id: 'c', retry_after_ms: 1000 })
  a.send({ message: 'x' })
  t.match(await a.next('error'), { code: 'STORAGE_FAILED', client_id: undefined })
  a.send({ type: 'read', id: 1 })
  t.match(await a.next('error'), { code: 'STORAGE_FAILED' })
  server.app.bus.publish({ type: 'chat_changed', chat_id: id })
  server.app.bus.publish({ type: 'chat_changed', chat_id: 4711 })
  a.send({ type: 'ping' })
  await a.next('pong')
  a.send({ type: 'resume', chats: [{ chat_id: id, after: 0 }] })
  t.equal(await a.closed(), 1011)
  b.send({ type: 'ping' })
  t.match(await b.next('pong'), { type: 'pong' })
})

t.test('when a session cannot be looked up, its socket stays until it can', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  await server.sql('update sessions set expires_at = ?', Date.now() + 60_300)
  const a = await people[0].v1(id)
  await a.next('ready')
  const calls = fail(server.app.db.sessions, 'find')
  await until(() => calls() > 0)
  a.send({ type: 'ping' })
  t.match(await a.next('pong'), { type: 'pong' })
})

t.test('a change that cannot be told stops neither the log nor the others', async t => {
  const errors: unknown[] = []
  const message = { chat_id: 1 } as Message
  const repository = { append: async (changes: unknown[]) => changes.map(() => ({ message, changed: true })) }
  const deliver = () => {
    throw new Error('a room in trouble')
  }
  const log = new Log(repository, IDLE, { deliver }, { error: (what: unknown) => errors.push(what) })
  const change = { type: 'send' as const, chat_id: 1, user: { id: 1, username: 'ann' }, text: 'x' }
  t.match(await log.append(change), { changed: true })
  t.match(await log.append(change), { changed: true })
  await log.drained()
  t.match(errors, [{ err: /trouble/ }, { err: /trouble/ }])
})

t.test('who answers nothing and reads nothing is read no more', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const { far, createConnection } = server.memory()
  const a = await people[0].v1(id, { createConnection })
  await a.next('ready')
  a.pause()
  for (let i = 0; i < 10_000; i++) a.send('nonsense')
  await settled(() => far.writableLength)
  t.ok(far.writableLength < 100_000, `${far.writableLength} bytes of errors wait`)
  a.resume()
  for (let i = 0; i < 10_000; i++) if ((await a.next('error')).code !== 'INVALID_JSON') t.fail()
  a.send({ type: 'ping' })
  t.match(await a.next('pong'), { type: 'pong' })
})

t.test('an open socket holds on to nothing of its request', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  await people[0].socket(id)
  const [socket] = server.app.websocketServer.clients
  const stream = Reflect.get(socket as object, '_socket')
  t.equal(stream._httpMessage, null)
})

t.test('more changes than can wait for the disk are refused', async t => {
  const repository = { append: () => new Promise<never>(() => undefined) }
  const log = new Log(repository, IDLE, { deliver: () => undefined }, { error: () => undefined })
  const results: Result[] = []
  const change = { type: 'send' as const, chat_id: 1, user: { id: 1, username: 'ann' }, text: 'x' }
  for (let i = 0; i < 20_010; i++) log.submit({ change, onResult: result => results.push(result) })
  t.strictSame(results, Array(10).fill({ error: 'OVERLOADED' }))
  await t.rejects(log.append(change), { code: 'OVERLOADED', retryAfter: 1 })
})

t.test('each of many sends at once is either acked and stored, or refused by name', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const a = await people[0].v1(id)
  for (let i = 0; i < 30_000; i++) a.send({ message: 'x', client_id: `c${i}` })
  const answered = { ack: new Set<string>(), error: new Set<string>() }
  while (answered.ack.size + answered.error.size < 30_000) {
    const { type, client_id } = await a.next()
    if (type === 'ack' || type === 'error') answered[type as 'ack' | 'error'].add(client_id)
  }
  t.equal((await people[0].get(`/chats/${id}`)).body.seq, answered.ack.size)
})

t.test('above 100 people, presence is a number; above 1000 sockets, a user gets no more', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const people = await crowd(server, 102)
  const [owner, ...others] = people as [Client, ...Client[]]
  const { body } = await owner.post('/chats', { title: 'Crowd', member_ids: others.map(({ user }) => user.id) })
  await Promise.all(others.map(person => person.socket(body.id)))
  const a = await owner.v1(body.id)
  const presence = await a.next('presence')
  t.match(presence, { chat_id: body.id, online_count: 102 })
  t.notOk('online' in presence)

  for (let i = 0; i < 10; i++)
    await Promise.all(Array.from({ length: 100 }, () => others[0]?.socket(body.id).catch(() => undefined)))
  const refused = await (others[0] as Client).refused(`/ws?chat_id=${body.id}`)
  t.match(refused, { status: 429, body: { code: 'TOO_MANY_SOCKETS' } })
  t.equal(refused.headers.get('retry-after'), '30')
})
