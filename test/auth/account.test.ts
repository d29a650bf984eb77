import { createHmac } from 'node:crypto'
import t from 'tap'
import { build, type Client } from '../helper.ts'

const PASSWORD = 'correct horse'
const AGENT = { 'user-agent': 'test' }

t.test('registering makes an account that others may see', async t => {
  const server = await build(t)
  const nobody = server.stranger()
  const made = await nobody.post('/auth/register', { username: 'Ann.B-c_1', password: PASSWORD })
  t.equal(made.status, 201)
  t.strictSame(Object.keys(made.body).sort(), ['created_at', 'display_name', 'id', 'username'])
  t.match(made.body, { id: 1, username: 'ann.b-c_1', display_name: 'Ann.B-c_1', created_at: /^\d{4}-.+\.\d{3}Z$/ })
  t.strictSame(made.headers.getSetCookie(), [], 'it does not log in')

  const named = { username: 'bob', password: PASSWORD, display_name: 'Bob 🐻 <b>' }
  t.match((await nobody.post('/auth/register', named)).body, { username: 'bob', display_name: 'Bob 🐻 <b>' })

  const again = await nobody.post('/auth/register', { username: 'BOB', password: PASSWORD })
  t.match(again, { status: 409, body: { statusCode: 409, code: 'USERNAME_TAKEN', error: 'Conflict' } })
})

t.test('two who register one name at once: one gets it', async t => {
  const nobody = (await build(t)).stranger()
  const names = ['ann', 'Ann', 'ANN', 'aNN']
  const replies = await Promise.all(
    names.map(username => nobody.post('/auth/register', { username, password: PASSWORD }))
  )
  t.strictSame(replies.map(({ status }) => status).sort(), [201, 409, 409, 409])
})

t.test('what cannot be an account is refused', async t => {
  const nobody = (await build(t)).stranger()
  const good = { username: 'ann', password: PASSWORD }
  const bodies: [name: string, body: unknown][] = [
    ['a short username', { ...good, username: 'ab' }],
    ['a long username', { ...good, username: 'a'.repeat(33) }],
    ['a username with a space', { ...good, username: 'ann b' }],
    ['a username with an umlaut', { ...good, username: 'jürgen' }],
    ['a username with a line break', { ...good, username: 'ann\n' }],
    ['a username that is a number', { ...good, username: 12345 }],
    ['no username', { password: PASSWORD }],
    ['a short password', { ...good, password: '1234567' }],
    ['a short password in many code units', { ...good, password: '🐻🐻🐻🐻🐻🐻🐻' }],
    ['a long password', { ...good, password: 'x'.repeat(129) }],
    ['a password that is a number', { ...good, password: 12345678 }],
    ['no password', { username: 'ann' }],
    ['an empty display name', { ...good, display_name: '' }],
    ['a long display name', { ...good, display_name: 'x'.repeat(65) }],
    ['a display name with a null character', { ...good, display_name: 'a\u0000b' }],
    ['a display name that is null', { ...good, display_name: null }],
    ['an unknown key', { ...good, admin: true }],
    ['a list', [good]],
    ['nothing', undefined]
  ]
  for (const [name, body] of bodies) {
    const reply = await nobody.post('/auth/register', body)
    t.match(reply, { status: 400, body: { code: 'VALIDATION_FAILED', message: /\w/ } }, name)
  }
  t.match(await nobody.post('/auth/register', '{"username":'), { status: 400, body: { code: 'INVALID_JSON' } })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
    const reply = await nobody.post('/auth/register', JSON.stringify(good), { 'content-type': type })
    t.match(reply, { status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } }, type)
  }
  t.match(await nobody.post('/auth/register', good), { status: 201 }, 'and nothing of it was stored')
})

t.test('a closed server registers nobody', async t => {
  const server = await build(t, { REGISTRATION: 'closed' })
  const reply = await server.stranger().post('/auth/register', { username: 'ann', password: PASSWORD })
  t.match(reply, { status: 403, body: { code: 'REGISTRATION_CLOSED' } })
  t.equal(await server.app.db.users.findForLogin('ann'), undefined)
})

t.test('the database keeps an argon2id hash and never the password', async t => {
  const server = await build(t)
  await server.register('ann', 'correct horse')
  await server.register('bob', 'correct horse')
  const hashes = []
  for (const name of ['ann', 'bob']) hashes.push((await server.app.db.users.findForLogin(name))?.password_hash)
  for (const hash of hashes) {
    t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  }
  t.not(hashes[0], hashes[1], 'each with a salt of its own')
})

t.test('a login gives the session in a cookie that scripts and other sites do not get', async t => {
  const server = await build(t)
  await server.register('ann', 'correct horse')
  const login = (name: string) => server.stranger().post('/auth/login', { username: name, password: PASSWORD }, AGENT)
  const reply = await login('ANN')
  t.equal(reply.status, 200)
  t.match(reply.body, { user: { id: 1, username: 'ann' } })
  t.strictSame(Object.keys(reply.body), ['user'])
  const [cookie = '', ...more] = reply.headers.getSetCookie()
  t.strictSame(more, [])
  t.match(
    cookie,
    /^access_token=[\w-]+\.[\w-]+\.[\w-]+; Max-Age=604800; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/
  )
})

t.test('the cookie is as the settings want it', async t => {
  const cookieWith = async (env: NodeJS.ProcessEnv, headers = {}) => {
    const server = await build(t, env)
    const ann = await server.register('ann', 'correct horse')
    const reply = await server.stranger().post('/auth/login', { username: 'ann', password: PASSWORD }, headers)
    t.equal((await ann.get('/auth/me')).status, 200)
    return reply.headers.getSetCookie()[0] ?? ''
  }
  const host = await cookieWith({ COOKIE_NAME: '__Host-token', COOKIE_SECURE: 'true', COOKIE_SAMESITE: 'strict' })
  t.match(host, /^__Host-token=\S+; Max-Age=604800; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Strict$/)
  const https = { 'x-forwarded-proto': 'https' }
  t.match(await cookieWith({ SESSION_TTL: '60', TRUST_PROXY: '127.0.0.1' }, https), /; Max-Age=60; .*; Secure; /)
  t.notMatch(await cookieWith({}, https), 'Secure', 'a header that anybody can send makes no https')
  t.match(await cookieWith({ ALGORITHM: 'HS512' }), /^access_token=/)
})

t.test('an unknown user and a wrong password answer alike', async t => {
  const server = await build(t)
  await server.register('ann', 'correct horse')
  const nobody = server.stranger()
  const wrong = await nobody.post('/auth/login', { username: 'ann', password: 'wrong horse' })
  const unknown = await nobody.post('/auth/login', { username: 'nobody', password: 'wrong horse' })
  const impossible = await nobody.post('/auth/login', { username: 'a b', password: 'x' })
  t.match(wrong, { status: 401, body: { code: 'BAD_CREDENTIALS' } })
  t.strictSame(unknown.body, wrong.body)
  t.strictSame(impossible.body, wrong.body)
  t.strictSame(wrong.headers.getSetCookie(), [])
  t.match(await nobody.post('/auth/login', { username: 'ann', password: 12345678 }), { status: 400 })
})

t.test('a crowd that logs in is turned away in part, and the server goes on', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  const nobody = server.stranger()
  const login = () => nobody.post('/auth/login', { username: 'ann', password: PASSWORD })
  const replies = await Promise.all(Array.from({ length: 60 }, login))
  const refused = replies.filter(({ status }) => status !== 200)
  t.ok(refused.length > 0 && refused.length <= 26, `${refused.length} of 60 refused`)
  for (const { status, body, headers } of refused) {
    t.match(
      { status, code: body.code, after: headers.get('retry-after') },
      { status: 503, code: 'OVERLOADED', after: '2' }
    )
  }
  t.equal((await login()).status, 200)
  t.equal((await ann.get('/auth/me')).status, 200)
})

t.test('guessing one password is slowed, and nobody else is locked out', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  for (const name of ['ann', 'bob']) await server.register(name, PASSWORD)
  const nobody = server.stranger()
  const guess = (username: string) => nobody.post('/auth/login', { username, password: 'wrong horse' })
  for (let i = 1; i < 30; i++) t.equal((await guess(i % 2 ? 'ann' : 'ANN')).status, 401)
  const limited = await guess('ann')
  t.match(limited, { status: 429, body: { statusCode: 429, code: 'RATE_LIMITED', error: 'Too Many Requests' } })
  const after = Number(limited.headers.get('retry-after'))
  t.ok(after > 0 && after <= 60, `Retry-After: ${after}`)
  t.notOk(limited.headers.get('x-ratelimit-limit'), 'nothing is said of the other limit, per address')
  t.equal((await guess('Ann')).status, 429, 'in any case of the name')
  t.equal((await nobody.post('/auth/login', { username: 'bob', password: PASSWORD })).status, 200)
})

t.test('one address registers only so often', async t => {
  const nobody = (await build(t, { RATE_LIMITS: 'on' })).stranger()
  for (let i = 0; i < 300; i++) await nobody.post('/auth/register', {})
  const limited = await nobody.post('/auth/register', {})
  t.match(limited, { status: 429, body: { statusCode: 429, code: 'RATE_LIMITED', error: 'Too Many Requests' } })
  t.match(limited.headers.get('retry-after'), /^([1-9]|[1-5]\d|60)$/)
  t.equal((await nobody.post('/auth/login', { username: 'ann', password: 'x' })).status, 401)
})

t.test('a token that this server did not give is no session', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  await server.register('bob', 'correct horse')
  const secret = String(server.settings['SECRET_KEY'])
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const sign = (claims: object, alg = 'HS256', key = secret) => {
    const text = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`
    const hash = `sha${alg.slice(2)}`
    return `${text}.${alg === 'none' ? '' : createHmac(hash, key).update(text).digest('base64url')}`
  }
  const token = ann.cookie.split('=')[1] ?? ''
  const [head = '', payload = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const { exp, sid, sub, iat } = claims
  const ask = (cookie: string, headers = {}) => server.stranger().get('/auth/me', { cookie, ...headers })
  const wanted = (await ask('')).body
  t.match(wanted, { statusCode: 401, code: 'UNAUTHENTICATED', error: 'Unauthorized' })
  t.equal(
    (await ask(`access_token=${sign(claims)}`)).status,
    200,
    'the same claims with the same secret are the session'
  )

  const forged: [name: string, token: string][] = [
    ['no signature', sign(claims, 'none')],
    ['no signature part', `${encode({ alg: 'none' })}.${payload}`],
    ['another algorithm', sign(claims, 'HS384')],
    ['another secret', sign(claims, 'HS256', `${secret}x`)],
    ['another payload', `${head}.${encode({ ...claims, sub: '2' })}.${signature}`],
    ['no exp', sign({ sub, sid, iat })],
    ['a past exp', sign({ ...claims, exp: iat - 1 })],
    ['no sid', sign({ sub, iat, exp })],
    ['a sid that is no text', sign({ ...claims, sid: { a: 1 } })],
    ['a sid that is a list', sign({ ...claims, sid: [sid] })],
    ['no sub', sign({ sid, iat, exp })],
    ['the sub of somebody else', sign({ ...claims, sub: '2' })],
    ['an unknown sid', sign({ ...claims, sid: 'AAAAAAAAAAAAAAAAAAAAAA' })],
    ['garbage', 'garbage'],
    ['dots', '..'],
    ['nothing', '']
  ]
  for (const [name, token] of forged) {
    const reply = await ask(`access_token=${token}`)
    t.strictSame([reply.status, reply.body], [401, wanted], name)
  }
  t.strictSame((await ask('', { authorization: `Bearer ${token}` })).body, wanted, 'the cookie alone is read')
  t.equal((await ask(`other=${token}`)).status, 401)
})

t.test('a new password ends every other session', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const change = (who: Client, current_password: string, new_password = 'battery staple') =>
    who.post('/auth/password', { current_password, new_password })
  const phone = await server.login('ann')
  const [here, there] = [await ann.socket(id), await phone.socket(id)]

  t.match(await change(ann, 'wrong horse'), { status: 403, body: { code: 'WRONG_PASSWORD' } })
  t.match(await change(ann, PASSWORD, 'short'), { status: 400, body: { code: 'VALIDATION_FAILED' } })
  t.match(await change(server.stranger(), PASSWORD), { status: 401, body: { code: 'UNAUTHENTICATED' } })
  t.equal((await phone.get('/auth/me')).status, 200, 'a refused change ends nothing')

  t.equal((await change(ann, PASSWORD)).status, 204)
  t.equal(await there.closed(), 4401)
  t.equal((await phone.get('/auth/me')).status, 401)
  t.equal((await ann.get('/auth/me')).status, 200)
  here.send({ message: 'still here' })
  await here.silent(50)
  t.match((await ann.get(`/chats/${id}/messages`)).body.items, [{ message: 'still here' }])
  await t.rejects(server.login('ann', PASSWORD), /401/)
  await server.login('ann', 'battery staple')
})
