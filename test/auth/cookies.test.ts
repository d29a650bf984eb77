import t from 'tap'
import { build, type Client, type Reply } from '../helper.ts'

const LOGIN = { username: 'ann', password: 'correct horse' }

/** The token of a client's cookie. */
const tokenOf = ({ cookie }: Client) => cookie.slice('access_token='.length)
const setCookie = ({ headers }: Reply) => headers.getSetCookie()

t.test('a cookie says twice when it ends, so that every jar keeps it alike', async t => {
  const server = await build(t)
  await server.register('ann', 'correct horse')
  const [cookie = ''] = setCookie(await server.stranger().post('/auth/login', LOGIN))
  const [, maxAge, expires = ''] = /; Max-Age=(\d+); Path=\/; Expires=([^;]+);/.exec(cookie) ?? []
  const off = Date.parse(expires) - (Date.now() + Number(maxAge) * 1000)
  t.ok(Math.abs(off) < 2000, `${off} ms between the two`)
  t.equal(new Date(expires).toUTCString(), expires)
})

t.test('a session is found in every form in which a jar may send its cookie', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const { id } = (await ann.post('/chats', { title: 'x' })).body
  const token = tokenOf(ann)
  const nobody = server.stranger()
  const headers: [name: string, cookie: string, status: number][] = [
    ['as it was given', `access_token=${token}`, 200],
    ['quoted', `access_token="${token}"`, 200],
    ['as java.net.HttpCookie does', `$Version="1"; access_token="${token}";$Path="/";$Domain="127.0.0.1"`, 200],
    ['with white space', ` a=b ;  access_token = ${token} `, 200],
    ['with half a quote', `access_token="${token}`, 401],
    ['among others', `a=b; access_token=${token}; access_token_2=x; =; x`, 200],
    ['after one of another server', `access_token=dead; access_token=${token}`, 200],
    ['after an empty one', `access_token=; access_token=${token}`, 200],
    ['before one of another server', `access_token=${token}; access_token=dead`, 200],
    ['after nine', `${'access_token=dead; '.repeat(9)}access_token=${token}`, 200],
    ['after more than any browser has', `${'access_token=dead; '.repeat(10)}access_token=${token}`, 401],
    ['under another name', `Access_token=${token}; access_toke=${token}; xaccess_token=${token}`, 401],
    ['in the value of another', `a=access_token=${token}`, 401]
  ]
  for (const [name, cookie, status] of headers) {
    t.equal((await nobody.get('/auth/me', { cookie })).status, status, name)
    if (status === 200) (await nobody.socket(id, { headers: { cookie } })).close()
    else t.equal((await nobody.refused(`/ws?chat_id=${id}`, { cookie })).status, status, `upgrade: ${name}`)
  }
})

t.test('of two sessions, the first is who calls', async t => {
  const server = await build(t)
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  const me = async (cookie: string) => (await server.stranger().get('/auth/me', { cookie })).body.username
  t.equal(await me(`${ann.cookie}; ${bob.cookie}`), 'ann')
  t.equal(await me(`${bob.cookie}; ${ann.cookie}`), 'bob')
  await ann.post('/auth/logout')
  t.equal(await me(`${ann.cookie}; ${bob.cookie}`), 'bob', 'one that has ended is none')
})

t.test('a logout takes away a cookie that is no session', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  t.equal((await ann.post('/auth/logout')).status, 204)
  for (const cookie of [ann.cookie, 'access_token=dead', 'access_token=', 'a=b; access_token="dead"']) {
    const reply = await server.stranger().post('/auth/logout', undefined, { cookie })
    t.match(reply, { status: 401, body: { code: 'UNAUTHENTICATED' } }, cookie)
    t.match(setCookie(reply), [/^access_token=; .*Expires=Thu, 01 Jan 1970/], cookie)
  }
  for (const cookie of ['', 'a=b']) {
    const reply = await server.stranger().post('/auth/logout', undefined, { cookie })
    t.strictSame([reply.status, setCookie(reply)], [401, []], 'without one there is nothing to take away')
  }
  // Somebody may have logged in meanwhile, in another tab: other replies leave the cookie alone.
  t.strictSame(setCookie(await ann.get('/auth/me')), [])
})

t.test('a cookie is partitioned when the settings say so, and is cleared as it was set', async t => {
  const env = { COOKIE_SAMESITE: 'none', COOKIE_SECURE: 'true', COOKIE_PARTITIONED: 'true' }
  const server = await build(t, env)
  const ann = await server.register('ann', 'correct horse')
  const [cookie = ''] = setCookie(await server.stranger().post('/auth/login', LOGIN))
  t.match(cookie, /; HttpOnly; Secure; Partitioned; SameSite=None$/)
  t.match(setCookie(await ann.post('/auth/logout')), [
    /^access_token=; .*; HttpOnly; Secure; Partitioned; SameSite=None$/
  ])
})

t.test('a session with a short life is prolonged once its sockets are warned', async t => {
  const server = await build(t, { SESSION_TTL: '61' })
  const { id, people } = await server.chat('bob')
  const ann = await server.register('ann', 'correct horse')
  await people[0].put(`/chats/${id}/members/${ann.user.id}`)
  const socket = await ann.v1(id)
  const { at } = await socket.next('expiring', 10_000)
  // Two at once: a session is prolonged once a second.
  const [renewed, other] = await Promise.all([ann.get('/auth/me'), ann.get('/auth/me')])
  t.match(setCookie(renewed), [/^access_token=\S+; Max-Age=6[01];/])
  const { items } = (await ann.get('/auth/sessions')).body
  t.ok(Date.parse(items[0].expires_at) > Date.parse(at), `${items[0].expires_at} is after ${at}`)
  t.strictSame(setCookie(other), [], 'but not with every request')
})

t.test('a socket is warned in time when its session was prolonged just before', async t => {
  const server = await build(t, { SESSION_TTL: '62' })
  const ann = await server.register('ann', 'correct horse')
  const socket = await ann.v1('')
  await socket.next('ready')
  server.database().exec('update sessions set expires_at = expires_at + 1000')
  const { at } = await socket.next('expiring', 10_000)
  const { items } = (await ann.get('/auth/sessions')).body
  t.equal(items[0].expires_at >= at, true)
})
