import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { build, type Server } from '../helper.ts'

const LISTED = 'https://chat.example.com'

/** What the server answers to these bytes, until it closes the connection. */
async function raw(server: Server, bytes: string) {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(bytes)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body }
}

t.test('which pages may call', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const { host, port } = new URL(server.url)
  const other = Number(port) === 8000 ? 8001 : 8000
  const headers: [name: string, headers: Record<string, string>, may: boolean][] = [
    ['no page at all', {}, true],
    ['a page of this server', { origin: `http://${host}` }, true],
    ['a page of this server behind TLS', { origin: `https://${host}` }, true],
    ['a page of another port', { origin: `http://127.0.0.1:${other}` }, false],
    ['a page of the default port', { origin: 'http://127.0.0.1' }, false],
    ['a page of another name of this machine', { origin: `http://localhost:${port}` }, false],
    ['a page of another host', { origin: 'https://evil.example' }, false],
    ['a page of a host that begins like this one', { origin: `http://${host}.evil.example` }, false],
    ['a page of a host that ends like this one', { origin: `http://evil-${host}` }, false],
    ['a page with this host as its user', { origin: `http://${host}@evil.example` }, false],
    ['a page that hides where it is from', { origin: 'null' }, false],
    ['an empty origin', { origin: '' }, false],
    ['an origin that is none', { origin: 'garbage' }, false],
    ['a host without a scheme', { origin: host }, false],
    ['a page of another site that says no origin', { 'sec-fetch-site': 'cross-site' }, false],
    ['a page of a sibling that says no origin', { 'sec-fetch-site': 'same-site' }, false],
    ['a page of this server that says no origin', { 'sec-fetch-site': 'same-origin' }, true],
    ['somebody who types the address', { 'sec-fetch-site': 'none' }, true]
  ]
  for (const [name, sent, may] of headers) {
    const refused = { status: 403, body: { statusCode: 403, code: 'FOREIGN_ORIGIN', error: 'Forbidden' } }
    const posted = await ann.post('/chats', { title: name }, sent)
    t.match(posted, may ? { status: 201 } : refused, `POST: ${name}`)
    if (may) (await ann.socket(id, { headers: sent })).close()
    else t.match(await ann.refused(`/ws?chat_id=${id}`, sent), refused, `upgrade: ${name}`)
    t.equal((await ann.get('/auth/me', sent)).status, 200, 'reading is for the browser to refuse')
  }
  const made = (await ann.get('/chats')).body.items.map(({ title }: { title: string }) => title)
  t.equal(made.length, 1 + headers.filter(([, , may]) => may).length, 'what was refused did nothing')
})

t.test('a listed page may call and read, and no other', async t => {
  const server = await build(t, { ALLOWED_ORIGINS: LISTED })
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const corsOf = (headers: Headers) => [...headers].filter(([name]) => name.startsWith('access-control-'))

  const listed = await ann.post('/chats', { title: 'x' }, { origin: LISTED })
  t.equal(listed.status, 201)
  t.strictSame(Object.fromEntries(corsOf(listed.headers)), {
    'access-control-allow-origin': LISTED,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After'
  })
  t.match(listed.headers.get('vary'), 'Origin')
  t.equal(listed.headers.get('cross-origin-resource-policy'), 'cross-origin')
  await ann.socket(id, { headers: { origin: LISTED } })

  for (const origin of ['http://chat.example.com', `${LISTED}:8443`, `${LISTED}.evil.example`, 'null']) {
    const reply = await ann.post('/chats', { title: 'x' }, { origin })
    t.match(reply, { status: 403, body: { code: 'FOREIGN_ORIGIN' } }, origin)
    t.notOk(reply.headers.has('access-control-allow-origin'), origin)
    t.notOk((await ann.get('/auth/me', { origin })).headers.has('access-control-allow-origin'), origin)
    t.equal((await ann.refused(`/ws?chat_id=${id}`, { origin })).status, 403)
  }

  const ask = (origin: string) =>
    server.stranger().request('OPTIONS', '/users/me', undefined, {
      origin,
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'content-type'
    })
  const preflight = await ask(LISTED)
  t.equal(preflight.status, 204)
  t.match(Object.fromEntries(corsOf(preflight.headers)), {
    'access-control-allow-origin': LISTED,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': /PATCH/,
    'access-control-allow-headers': 'content-type'
  })
  t.notOk((await ask('https://evil.example')).headers.has('access-control-allow-origin'))
})

t.test('replies tell browsers to run nothing and to pass nothing on', async t => {
  const server = await build(t)
  const nobody = server.stranger()
  for (const path of ['/health/live', '/auth/me', '/nowhere']) {
    const { headers } = await nobody.get(path)
    t.match(Object.fromEntries(headers), {
      'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'SAMEORIGIN'
    })
    t.notOk(headers.has('strict-transport-security'))
    t.notOk(headers.has('x-powered-by'))
    t.notOk(headers.has('access-control-allow-origin'))
  }
})

t.test('errors have one shape, wherever they come from', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const shape = (status: number, code: string, error: string) => ({
    status,
    body: { statusCode: status, code, error, message: /\w/ }
  })
  const notFound = shape(404, 'NOT_FOUND', 'Not Found')
  for (const path of ['/nowhere', '/', '/auth', '/auth/login/', '//', '/health/dead']) {
    t.match(await ann.get(path), notFound, path)
  }
  t.match(await ann.post('/auth/me'), notFound, 'a method that an address does not take')
  t.match(await ann.get('/%ff'), shape(400, 'BAD_REQUEST', 'Bad Request'))
  t.match(await ann.get(`/users/${'9'.repeat(200)}`), { status: /^4/, body: { code: /\w/, error: /\w/ } })
  for (const json of ['{', '[1,]', '{"a":1}x', '{"__proto__":{"a":1}}', '\\u0000']) {
    t.match(await ann.post('/auth/login', json), shape(400, 'INVALID_JSON', 'Bad Request'), json)
  }
  const short = {
    method: 'POST',
    url: '/auth/login',
    headers: { 'content-type': 'application/json', 'content-length': '9' }
  }
  const cut = await server.app.inject({ ...short, method: 'POST', payload: '{}' })
  t.match({ status: cut.statusCode, body: cut.json() }, shape(400, 'BAD_REQUEST', 'Bad Request'))
  const large = JSON.stringify({ username: 'x'.repeat(200_000), password: 'x' })
  t.match(await ann.post('/auth/login', large), shape(413, 'BODY_TOO_LARGE', 'Payload Too Large'))
  t.equal(
    (await ann.post('/auth/logout', '', { 'content-type': 'application/json' })).status,
    204,
    'no body is no JSON'
  )
})

t.test('what is not HTTP, or too much of it, is answered in the same shape', async t => {
  const server = await build(t)
  const endless = await raw(server, `GET /auth/me HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)
  t.equal(endless.status, 431)
  t.match(JSON.parse(endless.body), {
    statusCode: 431,
    code: 'HEADERS_TOO_LARGE',
    error: 'Request Header Fields Too Large',
    message: 'The headers are too large'
  })
  const garbage = await raw(server, 'HELLO\r\n\r\n')
  t.equal(garbage.status, 400)
  t.match(JSON.parse(garbage.body), { statusCode: 400, code: 'BAD_REQUEST', error: 'Bad Request' })
  t.equal((await server.stranger().get('/health/live')).status, 200)
})

t.test('an upgrade that is refused ends, and one elsewhere is a request like any other', async t => {
  const server = await build(t)
  const upgrade = (path: string) =>
    raw(
      server,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
    )
  t.match(await upgrade('/ws?chat_id=1'), { status: 401 })
  t.match(await upgrade('/ws'), { status: 401 })
  const nobody = server.stranger()
  t.match(await nobody.refused('/%ff'), { status: 400, body: { code: 'BAD_REQUEST' } })
  t.match(await nobody.refused('/wsx?chat_id=1'), { status: 404, body: { code: 'NOT_FOUND' } })
  t.match(await nobody.refused('/health/live'), { status: 200, body: { status: 'ok' } })
  const foreign = await nobody.refused('/auth/me', { origin: 'https://evil.example' })
  t.match(foreign, { status: 401, body: { code: 'UNAUTHENTICATED' } })
})
