import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { json } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { build, type Json, type Server } from '../helper.ts'
import { collector } from '../log-lines.ts'
import { until } from '../until.ts'

const LISTED = 'https://chat.example.com'
const READABLE = {
  'access-control-allow-origin': LISTED,
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': 'Retry-After'
}

/** A request from a page of another origin, with a target that `fetch` would not send. */
async function ask(server: Server, method: string, path: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(server.url)
  // A connection of its own: an upgrade would be sent over one that is kept.
  const options = { hostname, port, path, method, agent: false as const, headers: { origin: LISTED, ...headers } }
  const request = httpRequest(options).end()
  const [response] = await once(request, 'response')
  const body: Json = response.statusCode === 204 ? undefined : await json(response)
  return { status: response.statusCode, headers: response.headers, body }
}

t.test('a listed page can read every refusal, and how long to wait', async t => {
  const server = await build(t, { ALLOWED_ORIGINS: LISTED, RATE_LIMITS: 'on' })
  const { id, people } = await server.chat('ann')
  // At once, and more than are allowed in a minute: with time, more are.
  const attempt = () => server.app.inject({ method: 'POST', url: '/auth/register', payload: {} })
  await Promise.all(Array.from({ length: 600 }, attempt))
  const limited = await ask(server, 'POST', '/auth/register', { 'content-type': 'application/json' })
  t.match(limited, { status: 429, headers: { ...READABLE, 'retry-after': /^\d+$/ } })
  const unreadable = await ask(server, 'GET', '/%ff')
  t.match(unreadable, { status: 400, body: { code: 'BAD_REQUEST' }, headers: { ...READABLE, vary: /Origin/ } })
  t.match(unreadable.headers, { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  t.match(await ask(server, 'GET', '/nowhere'), { status: 404, headers: READABLE })

  const socket = await people[0].socket(id)
  socket.ws.pause()
  const closed = server.app.close()
  await until(async () => (await ask(server, 'GET', '/auth/me')).status === 503)
  const stopping = await ask(server, 'GET', '/auth/me')
  t.match(stopping, { status: 503, body: { code: 'SHUTTING_DOWN' }, headers: { ...READABLE, 'retry-after': '5' } })
  socket.ws.resume()
  await closed
})

t.test('a listed page can read that the server is overloaded', async t => {
  const server = await build(t, { ALLOWED_ORIGINS: LISTED })
  for (let i = 0; i < 3; i++) {
    for (const end = Date.now() + 1200; Date.now() < end; );
    await nextTurn()
  }
  const refused = await ask(server, 'GET', '/auth/me')
  t.match(refused, { status: 503, body: { code: 'OVERLOADED' }, headers: { ...READABLE, 'retry-after': '5' } })
})

t.test('another page can read no refusal', async t => {
  for (const ALLOWED_ORIGINS of ['', LISTED]) {
    const server = await build(t, { ALLOWED_ORIGINS })
    for (const path of ['/%ff', '/nowhere', '/auth/me']) {
      const { headers } = await ask(server, 'GET', path, { origin: 'https://evil.example' })
      t.notOk(headers['access-control-allow-origin'], path)
    }
  }
})

t.test('OPTIONS that asks for nothing is no error of another shape', async t => {
  const listed = await build(t, { ALLOWED_ORIGINS: LISTED })
  t.match(await ask(listed, 'OPTIONS', '/chats'), { status: 204, headers: READABLE })
  const closed = await build(t)
  t.match(await ask(closed, 'OPTIONS', '/chats'), { status: 404, body: { statusCode: 404, code: 'NOT_FOUND' } })
})

t.test('caches keep nothing of what is private, and ask again for what is not', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const login = { username: 'ann', password: 'correct horse' }
  for (const reply of [
    await ann.get('/auth/me'),
    await ann.get('/chats'),
    await ann.get(`${path}/messages`),
    await ann.get('/auth/sessions'),
    await ann.post('/auth/login', login),
    await ann.post(`${path}/messages`, { message: 'x' }),
    await ann.get('/nowhere'),
    await server.stranger().get('/auth/me'),
    await ann.get('/health/ready')
  ]) {
    t.equal(reply.headers.get('cache-control'), 'no-store')
  }
  for (const path of ['/openapi.json', '/asyncapi.json', '/docs', '/redoc', '/asyncapi', '/asyncapi/page.js']) {
    const { status, headers } = await ann.get(path)
    t.equal(status, 200, path)
    t.match(headers.get('cache-control'), /^no-cache$|max-age=0/, path)
  }
})

t.test('a foreign origin is logged once, with the possible causes', async t => {
  const { lines, logger } = collector('info')
  const server = await build(t, {}, logger)
  const { host } = new URL(server.url)
  const refused = () => lines.filter(({ msg }) => /may not call/.test(msg))
  const call = (origin: string) => server.stranger().post('/auth/login', {}, { origin })
  for (let i = 0; i < 3; i++) t.equal((await call('https://chat.example.com')).status, 403)
  t.match(refused(), [{ level: 30, origin: 'https://chat.example.com', host, msg: /Host .*ALLOWED_ORIGINS/ }])
  t.equal(refused().length, 1)
  // What a page sends first: the question before a change, or something to read.
  await server.stranger().request('OPTIONS', '/chats', undefined, { origin: 'https://asks.example.com' })
  await server.stranger().get('/auth/me', { origin: 'https://reads.example.com' })
  t.strictSame(
    refused().map(({ origin }) => origin),
    ['https://chat.example.com', 'https://asks.example.com', 'https://reads.example.com']
  )
  for (let i = 0; i < 150; i++) await call(`https://${i}.example/${'x'.repeat(300)}`)
  t.equal(refused().length, 100, 'of so many origins, and no more')
  t.ok(refused().every(({ origin }) => origin.length <= 200))
})
