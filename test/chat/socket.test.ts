import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { get } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { build, type Client } from '../helper.ts'
import { settled, until } from '../until.ts'

t.test('what one says arrives at the others, stored', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, again, b] = [await ann.socket(id), await ann.socket(id), await bob.socket(id)]
  a.send({ message: 'Hello everyone in the chat!' })
  const frame = await b.next()
  t.strictSame(frame, {
    type: 'message',
    chat_id: id,
    id: 1,
    seq: 1,
    kind: 'text',
    sender: { id: ann.user.id, username: 'ann' },
    created_at: frame.created_at,
    message: 'Hello everyone in the chat!'
  })
  t.match(frame.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.strictSame(await again.next(), frame, 'the other socket of the same user too')
  await a.silent(100)
  const { type, ...message } = frame
  const stored = await bob.get(`${path}/messages`)
  t.strictSame(stored.body, { items: [message], has_more_before: false, has_more_after: false })
  await ann.post(`${path}/messages`, { message: 'over HTTP' })
  t.match(await a.next(), { id: 2, message: 'over HTTP' }, 'a socket that did not send it gets it')
})

t.test('everything that can be refused is refused before the upgrade', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const cas = await server.account('cas')
  const { body: open } = await ann.post('/chats', { title: 'Open', visibility: 'public' })
  const gone = await server.login('bob')
  await gone.post('/auth/logout')
  const cases: [string, Client, string, number, string][] = [
    ['no session', server.stranger(), `/ws?chat_id=${id}`, 401, 'UNAUTHENTICATED'],
    ['a session that was logged out', gone, `/ws?chat_id=${id}`, 401, 'UNAUTHENTICATED'],
    ['no chat_id', bob, '/ws', 400, 'VALIDATION_FAILED'],
    ['a bad chat_id', bob, '/ws?chat_id=abc', 400, 'VALIDATION_FAILED'],
    ['a negative chat_id', bob, '/ws?chat_id=-1', 400, 'VALIDATION_FAILED'],
    ['a repeated chat_id', bob, `/ws?chat_id=${id}&chat_id=${id}`, 400, 'VALIDATION_FAILED'],
    ['an unknown key', bob, `/ws?chat_id=${id}&x=1`, 400, 'VALIDATION_FAILED'],
    ['a stranger', cas, `/ws?chat_id=${id}`, 404, 'CHAT_NOT_FOUND'],
    ['a chat that is none', cas, '/ws?chat_id=4711', 404, 'CHAT_NOT_FOUND'],
    ['a public chat not joined', cas, `/ws?chat_id=${open.id}`, 403, 'NOT_A_MEMBER'],
    ['another path', bob, '/nothing', 404, 'NOT_FOUND']
  ]
  for (const [name, client, path, status, code] of cases) {
    t.match(await client.refused(path), { status, body: { statusCode: status, code } }, name)
  }
  t.match(await bob.refused(`/ws?chat_id=${id}`, { origin: 'https://evil.example' }), {
    status: 403,
    body: { code: 'FOREIGN_ORIGIN' }
  })
  const plain = await bob.get(`/ws?chat_id=${id}`)
  t.match(plain, { status: 426, body: { code: 'UPGRADE_REQUIRED' } })
  t.equal(plain.headers.get('upgrade'), 'websocket')
})

t.test('a handshake that is none is refused in the shape of every error', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const cases = [
    { 'sec-websocket-version': '7', 'sec-websocket-key': key },
    { 'sec-websocket-key': key },
    { 'sec-websocket-version': '13' },
    { 'sec-websocket-version': '13', 'sec-websocket-key': 'short' },
    { 'sec-websocket-version': '13', 'sec-websocket-key': key, 'sec-websocket-protocol': 'a,,b' }
  ]
  for (const handshake of cases) {
    const headers = { ...handshake, connection: 'Upgrade', upgrade: 'websocket', cookie: people[0].cookie }
    const [response] = await once(get(`${server.url}/ws?chat_id=${id}`, { headers }), 'response')
    const body = { statusCode: 400, code: 'BAD_REQUEST', error: 'Bad Request', message: /Sec-WebSocket-/ }
    t.match(await json(response), body, JSON.stringify(handshake))
    t.match(response.headers, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
  }
})

t.test('refused upgrades leave no file descriptor open', async t => {
  const server = await build(t)
  const { id } = await server.chat('ann')
  const open = () => readdirSync('/proc/self/fd').length
  await server.stranger().refused(`/ws?chat_id=${id}`)
  await settled(open)
  const before = open()
  for (let i = 0; i < 200; i++) await server.stranger().refused(`/ws?chat_id=${id}`)
  await until(() => open() <= before + 2)
})

t.test('a bad frame gets an error and the socket lives', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [a, b] = [await people[0].socket(id), await people[1].socket(id)]
  const cases: [string | object, string][] = [
    ['', 'INVALID_JSON'],
    ['{', 'INVALID_JSON'],
    ['null', 'INVALID_JSON'],
    ['[]', 'INVALID_JSON'],
    ['"hello"', 'INVALID_JSON'],
    [{}, 'VALIDATION_FAILED'],
    [{ message: '' }, 'VALIDATION_FAILED'],
    [{ message: 1 }, 'VALIDATION_FAILED'],
    [{ message: null }, 'VALIDATION_FAILED'],
    [{ message: 'x'.repeat(10_001) }, 'VALIDATION_FAILED'],
    [{ message: 'a\u0000b' }, 'VALIDATION_FAILED'],
    [{ message: 'x', extra: 1 }, 'VALIDATION_FAILED'],
    ['{"message":"x","__proto__":{"a":1}}', 'VALIDATION_FAILED'],
    [{ type: 'shout', message: 'x' }, 'UNKNOWN_TYPE'],
    [{ type: ['send'], message: 'x' }, 'UNKNOWN_TYPE']
  ]
  for (const [frame, code] of cases) {
    a.send(frame)
    const error = await a.next()
    t.match(error, { type: 'error', code, detail: /./ }, JSON.stringify(frame).slice(0, 40))
  }
  a.send({ message: 'x', mesage: 1 })
  t.equal((await a.next()).detail, 'frame must NOT have additional properties: "mesage"')
  await b.silent(50)
  a.send({ message: 'still here' })
  t.match(await b.next(), { id: 1, message: 'still here' })
})

t.test('text arrives as it was sent', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [a, b] = [await people[0].socket(id), await people[1].socket(id)]
  for (const message of ['Grüße', '\u2028\u2029', '👩‍👩‍👧', '  spaces  ', '"\\\n\t', '<b>&amp;', '😀'.repeat(10_000)]) {
    a.send({ message })
    t.equal((await b.next()).message, message)
  }
  a.send('{"message":"half \\ud83d of a pair"}')
  t.equal((await b.next()).message, 'half \ufffd of a pair')
})

t.test('what breaks the protocol closes the socket with its code', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const cases: [string, Buffer, number][] = [
    ['a binary frame', Buffer.from('{"message":"x"}'), 1003],
    ['a frame over 160 KiB', Buffer.alloc(160 * 1024 + 1, 'x'), 1009]
  ]
  for (const [name, bytes, code] of cases) {
    const socket = await people[0].socket(id)
    socket.send(bytes)
    t.equal(await socket.closed(), code, name)
  }
  const socket = await people[0].socket(id)
  // A masked text frame of the one byte 0xff, which is no UTF-8. The mask is zero.
  Reflect.get(socket.ws, '_socket').write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]))
  t.equal(await socket.closed(), 1007)
})

t.test('frames that come with the handshake are not lost', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const sockets = await Promise.all(Array.from({ length: 20 }, () => people[0].socket(id)))
  for (const socket of sockets) socket.send({ message: 'first' })
  await until(async () => (await people[0].get(`${path}/messages`)).body.items.length === 20)
})

t.test('with limits, a flood is slowed down and then ended', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const { id, people } = await server.chat('ann')
  const a = await people[0].v1(id)
  for (let i = 0; i < 320; i++) a.send({ type: 'ping' })
  const { code, retry_after_ms } = await a.next('error')
  t.equal(code, 'RATE_LIMITED')
  await sleep(retry_after_ms)
  a.send({ type: 'ping' })
  t.match(await a.next('pong'), { type: 'pong' }, 'who waits goes on')
  for (let i = 0; i < 1000; i++) a.send({ type: 'ping' })
  t.equal(await a.closed(), 1008)
})
