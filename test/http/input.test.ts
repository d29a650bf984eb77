import { gzipSync } from 'node:zlib'
import t from 'tap'
import { build, type Client, type Json } from '../helper.ts'

/** A request with a body of these bytes. Returns the status, and the code of an error. */
async function send(who: Client, path: string, body: Buffer | string, headers: Record<string, string> = {}) {
  const all = { 'content-type': 'application/json', cookie: who.cookie, ...headers }
  const reply = await fetch(who.server.url + path, { method: 'POST', headers: all, body: Buffer.from(body) })
  const { code }: Json = await reply.json()
  return `${reply.status} ${code}`
}

const latin1 = (value: object) => Buffer.from(JSON.stringify(value), 'latin1')

t.test('a body that is not UTF-8 is refused, and nothing of it is stored', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const nobody = server.stranger()
  const password = 'pässwörter'
  const bodies: [name: string, path: string, body: Buffer][] = [
    ['a message in ISO-8859-1', `${path}/messages`, latin1({ message: 'Grüße aus Köln' })],
    ['a client_id in ISO-8859-1', `${path}/messages`, latin1({ message: 'x', client_id: 'ä' })],
    ['a title in ISO-8859-1', '/chats', latin1({ title: 'Café' })],
    ['a password in ISO-8859-1', '/auth/register', latin1({ username: 'bob', password })],
    [
      'a name in ISO-8859-1',
      '/auth/register',
      latin1({ username: 'bob', password: 'x'.repeat(8), display_name: 'Zoë' })
    ],
    ['a login in ISO-8859-1', '/auth/login', latin1({ username: 'bob', password })],
    ['a key in ISO-8859-1', '/auth/login', latin1({ username: 'bob', password: 'x', ü: 1 })],
    ['UTF-16', `${path}/messages`, Buffer.from('\ufeff{"message":"x"}', 'utf16le')],
    ['a surrogate in UTF-8', `${path}/messages`, Buffer.from('{"message":"\xed\xa0\x80"}', 'latin1')],
    ['an overlong form', `${path}/messages`, Buffer.from('{"message":"\xc0\xaf"}', 'latin1')],
    ['a cut character', `${path}/messages`, Buffer.from('{"message":"\xe2\x82"}', 'latin1')]
  ]
  for (const [name, path, body] of bodies) {
    t.equal(await send(ann, path, body), '400 INVALID_JSON', name)
    const honest = { 'content-type': 'application/json; charset=iso-8859-1' }
    t.equal(await send(ann, path, body, honest), '400 INVALID_JSON', `${name}, and says so`)
  }
  const { body } = await ann.get(`${path}/messages`)
  t.strictSame(body.items, [])
  t.match((await ann.get('/chats')).body.items, [{ title: 'Friends' }])
  t.equal((await nobody.post('/auth/register', { username: 'bob', password })).status, 201, 'the name is still free')
  await server.login('bob', password)
})

t.test('a body says which encoding it has, or none', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const body = JSON.stringify({ message: 'Grüße' })
  const types: [type: string, answer: RegExp][] = [
    ['application/json', /^201/],
    ['application/json;charset=utf-8', /^201/],
    ['application/json; charset=UTF-8', /^201/],
    ['application/json; charset="utf-8"', /^201/],
    ['application/json; charset=utf8', /^201/],
    ['application/json; charset=iso-8859-1', /^415 UNSUPPORTED_MEDIA_TYPE$/],
    ['application/json; charset=utf-16', /^415 UNSUPPORTED_MEDIA_TYPE$/],
    ['application/json; charset="windows-1252"', /^415 UNSUPPORTED_MEDIA_TYPE$/]
  ]
  for (const [type, answer] of types) {
    t.match(await send(ann, `${path}/messages`, body, { 'content-type': type }), answer, type)
  }
  t.match(await send(ann, `${path}/messages`, `\ufeff${body}`), /^201/, 'a byte order mark is passed over')
})

t.test('a compressed body is refused as what it is', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const body = JSON.stringify({ message: 'Hello' })
  for (const coding of ['gzip', 'GZIP', 'br', 'identity, gzip']) {
    const answer = await send(people[0], `${path}/messages`, gzipSync(body), { 'content-encoding': coding })
    t.equal(answer, '415 UNSUPPORTED_MEDIA_TYPE', coding)
  }
  t.match(await send(people[0], `${path}/messages`, body, { 'content-encoding': 'identity' }), /^201/)
})

t.test('half a surrogate pair is no part of a password', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  const nobody = server.stranger()
  for (const half of ['\ud800', '\udfff', 'aaaa\ud83d', '\udc3b\ud83d']) {
    const password = `${half}aaaaaaaa`
    for (const [client, path, body] of [
      [nobody, '/auth/register', { username: 'bob', password }],
      [nobody, '/auth/login', { username: 'ann', password }],
      [ann, '/auth/password', { current_password: 'correct horse', new_password: password }],
      [ann, '/auth/password', { current_password: password, new_password: 'battery staple' }]
    ] as const) {
      t.match(await client.post(path, body), { status: 400, body: { code: 'VALIDATION_FAILED' } }, path)
    }
  }
  await server.register('bob', '🐻🐻🐻🐻🐻🐻🐻🐻')
  t.match(await nobody.post('/auth/login', { username: 'bob', password: '🐼🐼🐼🐼🐼🐼🐼🐼' }), { status: 401 })
})

t.test('what a request brings where nothing is meant to be is refused, after the session', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await ann.post(`${path}/messages`, { message: 'x' })
  const refused = { status: 400, body: { code: 'VALIDATION_FAILED' } }
  for (const address of [
    '/auth/me',
    `/users/${ann.user.id}`,
    path,
    `${path}/messages/1`,
    '/health/live',
    '/health/ready'
  ]) {
    const reply = await ann.get(`${address}?x=1`)
    t.match(reply, refused, address)
    t.match(reply.body.message, '"x"')
    t.equal((await ann.get(address)).status, 200)
  }
  const changes: [method: string, path: string, body?: object][] = [
    ['POST', '/auth/login', { username: 'ann', password: 'correct horse' }],
    ['PATCH', '/users/me', { display_name: 'Ann' }],
    ['POST', '/chats', { title: 'x' }],
    ['PUT', `${path}/members/${bob.user.id}`],
    ['DELETE', path]
  ]
  for (const [method, path, body] of changes) {
    t.match(await ann.request(method, `${path}?x=1`, body), refused, `${method} ${path}?x=1`)
  }

  const open = (await ann.post('/chats', { title: 'Open', visibility: 'public' })).body.id
  const bodiless: [method: string, path: string][] = [
    ['POST', `/chats/${open}/join`],
    ['PUT', `${path}/messages/1/reactions/x`],
    ['DELETE', `${path}/messages/1/reactions/x`],
    ['DELETE', `${path}/messages/1`],
    ['DELETE', `${path}/members/${bob.user.id}`],
    ['DELETE', `/chats/${open}`],
    ['DELETE', '/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA'],
    ['POST', '/auth/logout']
  ]
  for (const [method, path] of bodiless) {
    for (const body of ['{"x":1}', '[1]', '1', '"x"', 'false']) {
      t.match(await ann.request(method, path, body), refused, `${method} ${path} ${body}`)
    }
    t.match(await server.stranger().request(method, path, '{"x":1}'), { status: 401 }, 'who has no session hears that')
  }
  for (const [i, [method, path]] of bodiless.entries()) {
    const status = path.startsWith('/auth/sessions') ? 404 : /^20/
    t.match(await ann.request(method, path, ['{}', 'null', undefined][i % 3]), { status }, `${method} ${path}`)
  }
})

t.test('a query that is not UTF-8 is refused, as such a path is', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  for (const path of [
    '/search?query=%ff',
    '/users?query=%E4',
    '/users?query=100%',
    '/users?a=%zz',
    '/users?query=%ed%a0%80',
    '/%ff'
  ]) {
    t.match(await ann.get(path), { status: 400, body: { code: 'BAD_REQUEST' } }, path)
  }
  for (const path of ['/search?query=%C3%A4', '/users?query=100%25', '/users?query=a+b', '/users?']) {
    t.equal((await ann.get(path)).status, 200, path)
  }
})
