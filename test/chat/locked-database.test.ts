import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { catalogue } from '../../src/errors.ts'
import { build } from '../helper.ts'
import { intercept } from '../repository.ts'
import { until } from '../until.ts'

// Another process that writes holds the lock until it commits.

// They wait, mostly, and so at the same time.
t.jobs = 4

t.test('while another process writes, changes wait and everything else goes on', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1(id)
  const b = await bob.v1(id)
  await ann.post(`${path}/messages`, { message: 'needle' })
  await b.next('message')
  const other = server.database()
  other.exec('begin immediate')

  const order: string[] = []
  const note = (what: string) => () => void order.push(what)
  a.send({ type: 'send', client_id: '1', chat_id: id, message: 'one' })
  const changes = [
    bob.post(`${path}/messages`, { message: 'two' }),
    bob.patch('/users/me', { display_name: 'Bob' }),
    bob.post('/chats', { title: 'New' }),
    bob.get('/search?query=needle')
  ]
  const made = Promise.all(changes).then(replies => replies.map(({ status }) => status))
  void made.then(note('made'))
  t.equal((await bob.get('/chats')).status, 200)
  t.match(await ann.get(`${path}/messages`), { status: 200, body: { items: [{ message: 'needle' }] } })
  a.send({ type: 'typing', chat_id: id })
  t.match(await b.next('typing'), { chat_id: id })
  await sleep(300)
  note('released')()
  other.exec('commit')
  t.strictSame(await made, [201, 200, 201, 200])
  t.strictSame(order, ['released', 'made'])
  t.match(await a.next('ack'), { client_id: '1' })
  const { body } = await ann.get(`${path}/messages`)
  t.strictSame(body.items.map(({ message }: { message: string }) => message).sort(), ['needle', 'one', 'two'])
})

t.test('patience ends: what could not be stored is refused, and can be sent again', { buffered: true }, async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const a = await ann.v1(id)
  const other = server.database()
  other.exec('begin immediate')
  const message = { type: 'send', client_id: '1', chat_id: id, message: 'one' }
  a.send(message)
  const [posted, changed] = await Promise.all([
    ann.post(`${path}/messages`, { message: 'two' }),
    ann.patch('/users/me', { display_name: 'Ann' })
  ])
  for (const { status, body, headers } of [posted, changed]) {
    t.match({ status, body }, { status: 503, body: { code: 'STORAGE_FAILED' } })
    t.equal(headers.get('retry-after'), '1')
  }
  t.match(await a.next('error'), { code: 'STORAGE_FAILED', client_id: '1', retry_after_ms: Number })
  a.send({ type: 'read', id: 0 })
  t.strictSame(await a.next('error'), {
    type: 'error',
    code: 'STORAGE_FAILED',
    detail: catalogue.STORAGE_FAILED.message,
    retry_after_ms: 1000
  })
  other.exec('rollback')
  a.send(message)
  t.match(await a.next('ack'), { client_id: '1', duplicate: false })
})

t.test('who is removed while everybody waits can change nothing any more', { buffered: true }, async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await ann.put(`${path}/members/${bob.user.id}`, { role: 'admin' })
  const other = server.database()
  other.exec('begin immediate')
  let appends = 0
  intercept(server.app.db.log, 'append', call => {
    appends++
    return call()
  })
  const removed = ann.delete(`${path}/members/${bob.user.id}`)
  await until(() => appends === 1)
  const changed = bob.patch(path, { visibility: 'public' })
  await sleep(100)
  other.exec('commit')
  t.equal((await removed).status, 204)
  t.match(await changed, { status: 404, body: { code: 'CHAT_NOT_FOUND' } })
  t.match(await ann.get(path), { body: { visibility: 'private' } })
})

t.test('a server that stops while everybody waits refuses what cannot be stored', { buffered: true }, async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const a = await people[0].v1(id)
  const other = server.database()
  other.exec('begin immediate')
  for (let i = 0; i < 3; i++) {
    a.send({ type: 'send', client_id: `${i}`, message: 'Hi' })
    a.send({ type: 'ping' })
    await a.next('pong')
  }
  const closed = server.app.close()
  for (let i = 0; i < 3; i++) t.match(await a.next('error', 8000), { code: 'STORAGE_FAILED', client_id: `${i}` })
  t.equal(await a.closed(), 1012)
  await closed
})
