import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { build, Client, type Json, type Server } from '../helper.ts'
import { holdAnswers } from '../repository.ts'

const DAY_MS = 86_400_000

/** The number of sessions in the database. */
const count = async (server: Server): Promise<number> =>
  (await server.sql('select count(*) as count from sessions'))[0].count

const sessionsOf = async (who: Client): Promise<Json[]> => (await who.get('/auth/sessions')).body.items

t.test('who I am needs a session', async t => {
  const server = await build(t)
  const ann = await server.account('Ann')
  t.match(await ann.get('/auth/me'), { status: 200, body: ann.user })
  for (const [method, path] of [
    ['GET', '/auth/me'],
    ['POST', '/auth/logout'],
    ['POST', '/auth/password'],
    ['GET', '/auth/sessions'],
    ['DELETE', '/auth/sessions/x'],
    ['GET', '/users'],
    ['PATCH', '/users/me']
  ] as const) {
    const reply = await server.stranger().request(method, path)
    t.match(reply, { status: 401, body: { code: 'UNAUTHENTICATED' } }, `${method} ${path}`)
  }
})

t.test('logging out ends the session, its cookie and its sockets', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const phone = await server.login('ann')
  const [here, there, his] = [await ann.socket(id), await phone.socket(id), await bob.socket(id)]
  const reply = await ann.post('/auth/logout')
  t.strictSame([reply.status, reply.body], [204, ''])
  const [cleared = '', ...more] = reply.headers.getSetCookie()
  t.strictSame(more, [])
  t.match(cleared, /^access_token=; /)
  t.match(cleared, /; Path=\/;/)
  t.match(cleared, /Max-Age=0|Expires=Thu, 01 Jan 1970/)
  t.equal(await here.closed(), 4401)
  t.equal((await ann.get('/auth/me')).status, 401, 'the old cookie is worthless')
  t.equal((await ann.post('/auth/logout')).status, 401)
  t.equal((await ann.refused(`/ws?chat_id=${id}`)).status, 401)

  t.equal((await phone.get('/auth/me')).status, 200)
  there.send({ message: 'from the other device' })
  t.match(await his.next('message'), { message: 'from the other device' })
})

t.test('my sessions are listed, newest first', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  await server.register('bob', 'correct horse')
  const login = { username: 'ann', password: 'correct horse' }
  await server.stranger().post('/auth/login', login, { 'user-agent': 'Phone/1.0' })
  await server.stranger().post('/auth/login', login, { 'user-agent': 'x'.repeat(300) })
  const list = await sessionsOf(ann)
  t.match(list, [
    { current: false, user_agent: 'x'.repeat(256) },
    { current: false, user_agent: 'Phone/1.0' },
    { current: true }
  ])
  t.equal(list.length, 3)
  for (const session of list) {
    t.match(session, { id: /^[\w-]{22}$/, last_seen_at: session.created_at })
    const life = Date.parse(session.expires_at) - Date.parse(session.created_at)
    t.ok(Math.abs(life - 7 * DAY_MS) < 1000, `${life} ms`)
  }
})

t.test('a session can be ended from another one', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const phone = await server.login('ann')
  const socket = await phone.socket(id)
  const stays = await ann.socket(id)
  const other = (await sessionsOf(ann)).find(({ current }) => !current)

  const unknown = await ann.delete('/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA')
  t.match(unknown, { status: 404, body: { code: 'SESSION_NOT_FOUND' } })
  const notHis = await bob.delete(`/auth/sessions/${other.id}`)
  t.strictSame([notHis.status, notHis.body], [404, unknown.body])
  t.equal((await phone.get('/auth/me')).status, 200)

  t.equal((await ann.delete(`/auth/sessions/${other.id}`)).status, 204)
  t.equal(await socket.closed(), 4401)
  t.equal((await phone.get('/auth/me')).status, 401)
  t.equal((await ann.delete(`/auth/sessions/${other.id}`)).status, 404)
  t.equal((await sessionsOf(ann)).length, 1)
  stays.send({ message: 'still here' })
  await stays.silent(50)
  t.equal((await ann.get(`/chats/${id}/messages`)).body.items.length, 1)
})

t.test('a session in use renews itself past half of its life', async t => {
  const server = await build(t, { SESSION_TTL: '200' })
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const ends = (inMs: number) => server.sql('update sessions set expires_at = ?', Date.now() + inMs)

  await ends(101_000)
  t.strictSame((await ann.get('/auth/me')).headers.getSetCookie(), [], 'not before')

  await ends(99_000)
  await ann.socket(id)
  t.ok(Date.parse((await sessionsOf(ann))[0].expires_at) > Date.now() + 199_000, 'renewed by the list, not the upgrade')

  await ends(99_000)
  const renewed = await ann.get('/auth/me')
  const [cookie = ''] = renewed.headers.getSetCookie()
  t.match(cookie, /^access_token=\S+; Max-Age=(199|200); Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/)
  const fresh = new Client(server, cookie.split(';')[0] ?? '')
  t.equal((await fresh.get('/auth/me')).status, 200)
  t.equal((await sessionsOf(fresh)).length, 1, 'the same session')
  t.strictSame((await ann.get('/auth/me')).headers.getSetCookie(), [], 'once')
})

t.test('an ended session is none, whatever its cookie says', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  await server.sql('update sessions set expires_at = ?', Date.now())
  t.match(await ann.get('/auth/me'), { status: 401, body: { code: 'UNAUTHENTICATED' } })
  t.equal((await ann.refused(`/ws?chat_id=${id}`)).status, 401)
  const again = await server.login('ann')
  t.equal((await sessionsOf(again)).length, 1, 'and is not listed')
})

t.test('when a session was last seen is known to five minutes', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  const seen = async (agoMs: number) => {
    const at = Date.now() - agoMs
    await server.sql('update sessions set last_seen_at = ?', at)
    return new Date(at).toISOString()
  }
  const recent = await seen(4 * 60_000)
  t.equal((await sessionsOf(ann))[0].last_seen_at, recent)
  await seen(6 * 60_000)
  const reply = await ann.get('/auth/me')
  t.strictSame(reply.headers.getSetCookie(), [])
  t.ok(Date.parse((await sessionsOf(ann))[0].last_seen_at) > Date.now() - 60_000)
})

t.test('a start forgets what has ended, and keeps the rest', async t => {
  const directory = t.testdir({})
  const env = { DATABASE_URL: `sqlite:///${directory}/confab.db`, SECRET_KEY: '0123456789abcdef0123456789abcdef' }
  const first = await build(t, env)
  const ann = await first.account('ann')
  const [{ id }] = await sessionsOf(ann)
  await first.login('ann')
  await first.sql('update sessions set expires_at = ? where id <> ?', Date.now() - 1, id)
  await first.app.close()
  t.equal(await count(first), 2)

  const second = await build(t, env)
  t.equal(await count(second), 1)
  t.equal((await new Client(second, ann.cookie).get('/auth/me')).status, 200, 'and a cookie outlives a restart')
})

t.test('another secret logs everybody out', async t => {
  const DATABASE_URL = `sqlite:///${t.testdir({})}/confab.db`
  const first = await build(t, { DATABASE_URL })
  const ann = await first.account('ann')
  await first.app.close()
  const second = await build(t, { DATABASE_URL })
  t.equal((await new Client(second, ann.cookie).get('/auth/me')).status, 401)
  t.equal((await (await second.login('ann')).get('/auth/me')).status, 200)
})

t.test('a login with the old password that is under way when it changes opens no session', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  // The login has read the old hash, and its turn in the queue comes after the change.
  const hash = holdAnswers(server.app.db.users, 'findForLogin')
  const login = server.stranger().post('/auth/login', { username: 'ann', password: 'correct horse' })
  await hash.called
  await ann.post('/auth/password', { current_password: 'correct horse', new_password: 'battery staple' })
  hash.release()
  t.match(await login, { status: 401, body: { code: 'BAD_CREDENTIALS' } })
  t.equal((await ann.get('/auth/sessions')).body.items.length, 1)
})

t.test('an older token ends when it said it would, though its session goes on', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const { id: sid } = (await sessionsOf(ann))[0]
  const exp = Math.floor(Date.now() / 1000) + 1
  const token = server.app.jwt.sign({ sub: String(ann.user.id), sid, exp })
  const older = server.client(`access_token=${token}`, ann.user)
  t.equal((await older.get('/auth/me')).status, 200)
  await sleep(exp * 1000 - Date.now() + 10)
  t.match(await older.get('/auth/me'), { status: 401, body: { code: 'UNAUTHENTICATED' } })
  t.equal((await ann.get('/auth/me')).status, 200)
})

t.test('sessions come in pages, newest first, each once', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  for (let i = 0; i < 6; i++) await server.login('ann')
  // In the same millisecond, as of a script that logs in again and again.
  const [, , , third] = (await sessionsOf(ann)).toReversed()
  await server.sql('update sessions set created_at = 1000 where created_at >= ?', Date.parse(third.created_at))
  const all = await sessionsOf(ann)
  t.equal(all.length, 7)
  const got: Json[] = []
  let cursor = ''
  do {
    const { body } = await ann.get(`/auth/sessions?limit=2${cursor}`)
    got.push(...body.items)
    t.ok(body.items.length <= 2)
    cursor = body.next_cursor ? `&cursor=${body.next_cursor}` : ''
  } while (cursor)
  t.strictSame(got, all)
  const times = all.map(({ created_at }) => created_at)
  t.strictSame(times, times.toSorted().toReversed())
  t.match(await ann.get('/auth/sessions?limit=201'), { status: 400, body: { code: 'VALIDATION_FAILED' } })
})

t.test('who logs in more than a thousand times loses the session that was used longest ago', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const found = await server.app.db.users.findForLogin('ann')
  const user = { id: ann.user.id, password_hash: found?.password_hash as string }
  const [{ id: first }] = await sessionsOf(ann)
  for (let i = 1; i < 1000; i++) await server.app.db.sessions.create(user, Date.now() + DAY_MS)
  t.equal(await count(server), 1000)
  // The first is the oldest, but not the one that was used longest ago.
  await server.sql('update sessions set last_seen_at = ? where id <> ?', Date.now() - 60_000, first)
  const phone = await server.login('ann')
  t.equal(await count(server), 1000)
  const socket = await phone.socket(id)
  const current = (await sessionsOf(phone)).find(session => session.current).id
  await server.sql('update sessions set last_seen_at = 1000 where id = ?', current)

  const another = await server.login('ann')
  t.equal(await socket.closed(), 4401)
  t.equal((await phone.get('/auth/me')).status, 401)
  for (const who of [ann, another]) t.equal((await who.get('/auth/me')).status, 200)
  t.equal(await count(server), 1000)
})
