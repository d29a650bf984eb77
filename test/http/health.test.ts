import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { build } from '../helper.ts'
import { until } from '../until.ts'

/** The event loop stands for so long, again and again, as when every request takes the processor to itself. */
async function busy(times: number, ms: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    // Whatever is due has its turn.
    for (let turn = 0; turn < 3; turn++) await nextTurn()
  }
}

t.test('a server that works is alive and ready', async t => {
  const nobody = (await build(t)).stranger()
  for (const path of ['/health/live', '/health/ready']) {
    const { status, body } = await nobody.get(path)
    t.strictSame({ status, body }, { status: 200, body: { status: 'ok' } }, path)
  }
})

t.test('without its database a server lives but is not ready, and keeps the cause to itself', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  await server.app.db.close()

  const ids = new Set<string>()
  for (const failed of [
    await ann.get('/auth/me'),
    await ann.get(`${path}/messages`),
    await ann.post('/auth/login', { username: 'ann', password: 'x' })
  ]) {
    const { message, ...rest } = failed.body
    t.strictSame(rest, { statusCode: 500, code: 'INTERNAL', error: 'Internal Server Error' })
    const [, id = ''] = /^Something failed on the server \(request (\S+)\)$/.exec(message) ?? []
    t.ok(id, message)
    ids.add(id)
  }
  t.equal(ids.size, 3, 'every request has an id of its own')

  const ready = await ann.get('/health/ready')
  t.match(ready, { status: 503, body: { statusCode: 503, code: 'STORAGE_FAILED', error: 'Service Unavailable' } })
  t.match(ready.body.message, /try again later \(request \S+\)$/)
  t.equal(ready.headers.get('retry-after'), '5')
  t.equal((await ann.get('/health/live')).status, 200)
})

t.test('a long start is no overload', async t => {
  const config = loadConfig({ SECRET_KEY: 'x'.repeat(40), DATABASE_URL: 'sqlite:///:memory:' }, '/dev/null')
  const app = await buildApp(config)
  t.teardown(() => app.close())
  app.addHook('onReady', async () => busy(1, 1500))
  const url = await app.listen({ port: 0 })
  for (let i = 0; i < 3; i++) t.equal((await fetch(`${url}/auth/me`)).status, 401)
})

t.test('a server that cannot keep up turns requests away, lives, and recovers', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  t.equal((await ann.get('/auth/me')).status, 200)

  let refused = await ann.get('/auth/me')
  for (let tries = 0; refused.status === 200 && tries < 5; tries++) {
    await busy(3, 2200)
    refused = await ann.get('/auth/me')
  }
  t.match(refused, { status: 503, body: { statusCode: 503, code: 'OVERLOADED', error: 'Service Unavailable' } })
  t.equal(refused.headers.get('retry-after'), '5')
  t.equal((await ann.get('/health/live')).status, 200)
  t.match(await ann.get('/health/ready'), { status: 503, body: { code: 'OVERLOADED' } })
  t.equal((await ann.refused(`/ws?chat_id=${id}`)).status, 503)

  await until(async () => (await ann.get('/auth/me')).status === 200, 5000)
  t.equal((await ann.get('/health/ready')).status, 200)
})

t.test('a server that stops answers what it has begun, and waits for nobody who says nothing', async t => {
  const server = await build(t)
  await server.account('ann')
  const { hostname, port } = new URL(server.url)
  const silent = connect(Number(port), hostname)
  await once(silent, 'connect')
  let arrived = 0
  server.app.server.on('request', () => arrived++)
  const login = () => server.stranger().post('/auth/login', { username: 'ann', password: 'correct horse' })
  const logins = Promise.all(Array.from({ length: 12 }, login))
  await until(() => arrived === 12)

  const begun = Date.now()
  const closed = server.app.close()
  const replies = await logins
  t.strictSame(new Set(replies.map(({ status }) => status)), new Set([200]))
  t.ok(replies.some(({ headers }) => headers.get('connection') === 'close'))
  t.ok(Date.now() - begun < 2000)
  await Promise.all([closed, once(silent, 'close')])
  t.ok(Date.now() - begun < 7000)
})

t.test('a server that stops sends new requests elsewhere', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const slow = await ann.socket(id)
  slow.ws.pause()
  const closed = server.app.close()
  await until(async () => (await ann.get('/auth/me')).status === 503)
  const refused = { status: 503, body: { statusCode: 503, code: 'SHUTTING_DOWN', error: 'Service Unavailable' } }
  for (const path of ['/auth/me', '/health/ready', '/nowhere']) {
    const reply = await ann.get(path)
    t.match(reply, refused, path)
    t.equal(reply.headers.get('retry-after'), '5')
    t.equal(reply.headers.get('connection'), 'close')
  }
  t.match(await ann.refused(`/ws?chat_id=${id}`), refused)
  t.equal((await ann.get('/health/live')).status, 200)
  slow.ws.resume()
  t.equal(await slow.closed(), 1012)
  await closed
})
