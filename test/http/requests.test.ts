import { connect } from 'node:net'
import t from 'tap'
import { build, type Json, type Server } from '../helper.ts'

/** The status line and headers of what is answered to these lines, and its body when it has one. */
async function ask(server: Server, ...lines: string[]): Promise<{ status: number; head: string; body: Json }> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    const [head = '', body = ''] = text.split('\r\n\r\n')
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    if (text.includes('\r\n\r\n') && body.length >= length) break
  }
  socket.destroy()
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: body.startsWith('{') ? JSON.parse(body) : body }
}

const HANDSHAKE = [
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='
]
const BAD_REQUEST = { status: 400, body: { statusCode: 400, code: 'BAD_REQUEST', error: 'Bad Request' } }

t.test('a request of HTTP/1.1 names its host once, an upgrade too', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const cookie = `cookie: ${people[0].cookie}`
  const upgrade = [`GET /ws?chat_id=${id} HTTP/1.1`, cookie, ...HANDSHAKE]
  for (const request of [['GET /health/live HTTP/1.1'], ['GET /nowhere HTTP/1.1'], upgrade]) {
    const [line = '', ...headers] = request
    t.match(await ask(server, line, ...headers), BAD_REQUEST, `${line} without Host`)
    t.match(await ask(server, line, 'host: a', 'Host: b', ...headers), BAD_REQUEST, `${line} with two`)
    t.match(await ask(server, line, 'host: a', 'host: a', ...headers), BAD_REQUEST, `${line} with one twice`)
  }
  t.match(await ask(server, 'GET /health/live HTTP/1.1', 'HOST: a'), { status: 200 })
  t.match(await ask(server, 'GET /health/live HTTP/1.1', 'host:'), { status: 200 }, 'which may be empty')
  t.match(await ask(server, 'GET /health/live HTTP/1.0'), { status: 200 }, 'HTTP/1.0 need not')
  t.match(await ask(server, ...upgrade, 'host: a'), { status: 101 })
})

t.test('an upgrade is asked for in HTTP/1.1 alone, in the origin form or the absolute form', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const { host } = new URL(server.url)
  const upgrade = (line: string) => ask(server, line, `host: ${host}`, `cookie: ${people[0].cookie}`, ...HANDSHAKE)
  t.match(await upgrade(`GET /ws?chat_id=${id} HTTP/1.1`), { status: 101 })
  t.match(await upgrade(`GET http://${host}/ws?chat_id=${id} HTTP/1.1`), { status: 101 })
  t.match(await upgrade(`GET https://${host}/ws?chat_id=${id} HTTP/1.1`), { status: 101 })
  t.match(await upgrade(`GET http://${host}/wsx?chat_id=${id} HTTP/1.1`), { status: 404 })
  t.match(await upgrade(`GET http://${host}/auth/me HTTP/1.1`), { status: 200 })
  const old = await upgrade(`GET /ws?chat_id=${id} HTTP/1.0`)
  t.match(old, { status: 426, body: { statusCode: 426, code: 'UPGRADE_REQUIRED', error: 'Upgrade Required' } })
})

t.test('what is expected and cannot be is refused in the shape of every error', async t => {
  const server = await build(t)
  const line = 'POST /auth/login HTTP/1.1'
  for (const expect of ['x', '200-ok']) {
    const reply = await ask(server, line, 'host: a', `expect: ${expect}`, 'content-length: 2')
    t.match(reply, { status: 417, body: { statusCode: 417, code: 'EXPECTATION_FAILED', error: 'Expectation Failed' } })
    t.match(reply.head, /^content-type: application\/json; charset=utf-8\r$/im)
  }
  const awaited = await ask(server, line, 'host: a', 'expect: 100-continue', 'content-length: 2')
  t.equal(awaited.status, 100)
})

t.test('a subprotocol is found among others, with white space on both sides of a comma', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  for (const list of ['confab.v1', 'confab.v1 , chat', 'chat,\tconfab.v1', 'chat \t,\t confab.v1', 'a,confab.v1,b']) {
    for (const query of ['', `?chat_id=${id}`]) {
      const headers = ['host: a', `cookie: ${people[0].cookie}`, ...HANDSHAKE, `sec-websocket-protocol: ${list}`]
      const { status, head } = await ask(server, `GET /ws${query} HTTP/1.1`, ...headers)
      t.equal(status, 101, JSON.stringify(list))
      t.match(head, /^sec-websocket-protocol: confab\.v1$/im)
    }
  }
  t.match(await people[0].refused('/ws', { 'sec-websocket-protocol': 'confab.v10 , chat' }), { status: 400 })
})

t.test('an address says which methods it takes', async t => {
  const server = await build(t, { ALLOWED_ORIGINS: 'https://chat.example.com' })
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const addresses: [method: string, path: string, allow: string][] = [
    ['DELETE', '/auth/login', 'POST'],
    ['POST', '/auth/me', 'GET, HEAD'],
    ['DELETE', '/users/me', 'GET, HEAD, PATCH'],
    ['PUT', `/chats/${id}`, 'GET, HEAD, PATCH, DELETE'],
    ['PATCH', `/chats/${id}/messages?limit=1`, 'GET, HEAD, POST'],
    ['POST', '/ws', 'GET, HEAD']
  ]
  for (const [method, path, allow] of addresses) {
    const reply = await ann.request(method, path)
    t.match(reply, { status: 404, body: { code: 'NOT_FOUND', message: `, not ${method}` } }, `${method} ${path}`)
    t.strictSame(new Set(reply.headers.get('allow')?.split(', ')), new Set(allow.split(', ')))
  }
  for (const path of ['/nowhere', '/chats/1/2/3/4', '/auth/']) {
    const reply = await ann.post(path)
    t.equal(reply.status, 404)
    t.notOk(reply.headers.has('allow'), path)
  }
})
