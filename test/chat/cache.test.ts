import t from 'tap'
import { build, type Client } from '../helper.ts'

/** What the server remembers of these: everybody has asked for all of it, so that a change finds it remembered. */
async function asked(path: string, people: Client[]): Promise<void> {
  for (const person of people) for (const url of ['/auth/me', '/chats', `${path}/messages`]) await person.get(url)
}

const statuses = (path: string, people: Client[]) =>
  Promise.all(people.map(async person => (await person.get(`${path}/messages`)).status))

t.test('a session that has ended ends with the next request', async t => {
  const server = await build(t)
  const ann = await server.register('ann', 'correct horse')
  const [second, third, fourth] = [await server.login('ann'), await server.login('ann'), await server.login('ann')]
  const sessions = [ann, second, third, fourth]
  const check = async () => Promise.all(sessions.map(async session => (await session.get('/auth/me')).status))
  t.strictSame(await check(), [200, 200, 200, 200])

  await second.post('/auth/logout')
  t.strictSame(await check(), [200, 401, 200, 200])
  const { items } = (await third.get('/auth/sessions')).body
  const { id } = items.find(({ current }: { current: boolean }) => current)
  await ann.delete(`/auth/sessions/${id}`)
  t.strictSame(await check(), [200, 401, 401, 200])
  await ann.post('/auth/password', { current_password: 'correct horse', new_password: 'battery staple' })
  t.strictSame(await check(), [200, 401, 401, 401])
})

t.test('a session that nobody used expires', async t => {
  const server = await build(t, { SESSION_TTL: '3600' })
  const { user } = await server.account('ann')
  const { sessions, users } = server.app.db
  const { password_hash = '' } = (await users.findForLogin('ann')) ?? {}
  const session = await sessions.create({ id: user.id, password_hash }, Date.now() + 3_600_000)
  // Its token says longer.
  const exp = Math.floor(Date.now() / 1000) + 100_000
  const token = server.app.jwt.sign({ sub: String(user.id), sid: session?.id as string, exp })
  const ann = server.client(`access_token=${token}`, user)
  t.equal((await ann.get('/auth/me')).status, 200)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 4_000_000
  t.equal((await ann.get('/auth/me')).status, 401)
})

t.test('a session is renewed once', async t => {
  const server = await build(t, { SESSION_TTL: '86400' })
  // Of an hour, past half of what the server gives.
  const ann = await server.account('ann')
  const cookies = async () => (await ann.get('/auth/me')).headers.getSetCookie().length
  t.strictSame([await cookies(), await cookies(), await cookies()], [1, 0, 0])
})

t.test('a display name is new wherever it is shown', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await bob.post('/chats/direct', { user_id: ann.user.id })
  await asked(path, [...people])
  await ann.patch('/users/me', { display_name: 'Annie' })
  t.match((await ann.get('/auth/me')).body, { display_name: 'Annie' })
  t.match((await bob.get(`/users/${ann.user.id}`)).body, { display_name: 'Annie' })
  t.match((await bob.get('/chats')).body.items[0], { kind: 'direct', peer: { display_name: 'Annie' } })
  t.match((await bob.get(`${path}/members`)).body.items[0], { user: { display_name: 'Annie' } })
  t.match(await (await ann.v1('')).next(), { type: 'ready', user: { display_name: 'Annie' } })
})

t.test('who is in a chat, and as what, holds from the next request', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const cid = await server.account('cid')
  const all = [ann, bob, cid]
  const member = (person: Client) => `${path}/members/${person.user.id}`
  await asked(path, all)
  t.strictSame(await statuses(path, all), [200, 200, 404])

  await ann.put(member(cid), {})
  t.strictSame(await statuses(path, all), [200, 200, 200], 'added')
  await ann.delete(member(cid))
  t.strictSame(await statuses(path, all), [200, 200, 404], 'removed')
  await ann.patch(path, { visibility: 'public' })
  t.strictSame(await statuses(path, all), [200, 200, 403], 'public')
  await cid.post(`${path}/join`)
  t.strictSame(await statuses(path, all), [200, 200, 200], 'joined')
  await cid.delete(member(cid))
  await ann.patch(path, { visibility: 'private' })
  t.strictSame(await statuses(path, all), [200, 200, 404], 'left, and private')

  const renamed = async (title: string) => (await bob.patch(path, { title })).status
  t.equal(await renamed('One'), 403)
  await ann.put(member(bob), { role: 'admin' })
  t.equal(await renamed('Two'), 200, 'an admin')
  await ann.put(member(bob), { role: 'member' })
  t.equal(await renamed('Three'), 403, 'no more')

  await asked(path, all)
  await ann.delete(member(ann))
  t.strictSame(await statuses(path, all), [404, 200, 404])
  t.equal(await renamed('Four'), 200, 'who is left is the owner')
  await asked(path, all)
  t.equal((await bob.delete(path)).status, 204)
  t.strictSame(await statuses(path, all), [404, 404, 404], 'deleted')
})

t.test('the latest page and number of a chat go on with it', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const latest = async () => (await bob.get(`${path}/messages`)).body.items.at(-1)
  const seq = async () => (await bob.get(`${path}/changes?after=0`)).body.seq
  await asked(path, [ann, bob])
  await ann.post(`${path}/messages`, { message: 'one', client_id: 'a' })
  t.match(await latest(), { message: 'one' })
  await ann.patch(`${path}/messages/1`, { message: 'two' })
  t.match(await latest(), { message: 'two' })
  t.equal(await seq(), 2)
  await ann.post(`${path}/messages`, { message: 'three' })
  await ann.post(`${path}/messages`, { message: 'one', client_id: 'a' })
  t.equal(await seq(), 3, 'what was sent twice is there once')
  await bob.put(`${path}/messages/3/reactions/%F0%9F%91%8D`)
  t.match(await latest(), { reactions: [{ count: 1 }] })
  await bob.delete(`${path}/messages/3/reactions/%F0%9F%91%8D`)
  t.notMatch(await latest(), { reactions: [{ count: 1 }] })
  const socket = await ann.v1(id)
  socket.send({ type: 'send', message: 'over a socket', client_id: 'b' })
  await socket.next('ack')
  t.match(await latest(), { message: 'over a socket' })
  await ann.delete(`${path}/messages/${(await latest()).id}`)
  t.match(await latest(), { deleted_at: String })
  t.equal(await seq(), 7)
  t.match(await (await bob.v1('')).next(), { type: 'ready', chats: [{ seq: 7 }] })
})

t.test('a list of chats is what it would be if it were made now', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const cid = await server.account('cid')
  const all = [ann, bob, cid]
  const member = (person: Client) => `${path}/members/${person.user.id}`
  const list = async (person: Client) => (await person.get('/chats')).body
  const truth = (person: Client) => server.app.db.chats.list(person.user.id, { limit: 50 })
  const socket = await bob.v1(id)
  let made = 0

  /** Makes a change that all of `seen` see in their lists. */
  async function changes(name: string, seen: Client[], change: () => Promise<unknown>): Promise<void> {
    const before = new Map<Client, unknown>()
    for (const person of all) before.set(person, await list(person))
    await change()
    for (const person of all) {
      const now = await list(person)
      t.strictSame(now, await truth(person), `${name}: ${person.user.username}`)
      if (seen.includes(person)) t.strictNotSame(now, before.get(person), `${name}: ${person.user.username} sees it`)
      else t.strictSame(now, before.get(person), `${name}: ${person.user.username} has nothing to see`)
    }
  }

  const both = [ann, bob]
  await changes('a message', both, () => ann.post(`${path}/messages`, { message: 'one' }))
  await changes('an edit', both, () => ann.patch(`${path}/messages/1`, { message: 'two' }))
  await changes('a reaction', both, () => ann.put(`${path}/messages/1/reactions/x`))
  await changes('a marker', [bob], () => bob.put(`${path}/read`, { id: 1 }))
  await changes('a message over a socket', both, async () => {
    socket.send({ type: 'send', message: 'three', client_id: 'c' })
    await socket.next('ack')
  })
  await changes('a marker over a socket', [ann], async () => {
    const other = await ann.v1(id)
    other.send({ type: 'read', id: 4 })
    await other.next('read')
  })
  await changes('a deletion', both, () => ann.delete(`${path}/messages/1`))
  await changes('a title', both, () => ann.patch(path, { title: 'Others' }))
  await changes('a visibility', both, () => ann.patch(path, { visibility: 'public' }))
  await changes('a role', [bob], () => ann.put(member(bob), { role: 'admin' }))
  await changes('somebody joins', all, () => cid.post(`${path}/join`))
  await changes('somebody leaves', all, () => cid.delete(member(cid)))
  await changes('somebody is added', all, () => ann.put(member(cid), {}))
  await changes('a new chat', all, async () => {
    made = (await cid.post('/chats', { title: 'New', member_ids: [ann.user.id, bob.user.id] })).body.id
  })
  await changes('a direct chat', [ann, cid], () => ann.post('/chats/direct', { user_id: cid.user.id }))
  await changes('the same again', [], () => cid.post('/chats/direct', { user_id: ann.user.id }))
  await changes('a name', [ann], () => cid.patch('/users/me', { display_name: 'El Cid' }))
  await changes('the owner leaves', all, () => cid.delete(`/chats/${made}/members/${cid.user.id}`))
  await changes('a chat is deleted', both, () => ann.delete(`/chats/${made}`))

  t.equal((await ann.get('/chats?limit=1')).body.items.length, 1, 'another limit is another list')
  const { next_cursor } = (await ann.get('/chats?limit=1')).body
  const next = (await ann.get(`/chats?limit=1&cursor=${next_cursor}`)).body.items
  t.strictSame(next, (await truth(ann)).items.slice(1, 2))
  const headers = (await ann.get('/chats')).headers
  t.equal(headers.get('content-type'), 'application/json; charset=utf-8')
})

t.test('what another process writes into the file holds from the next request', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob', 'cid')
  const [ann, bob, cid] = people
  await asked(path, [...people])

  await server.sql('delete from members where chat_id = ? and user_id = ?', id, cid.user.id)
  t.strictSame(await statuses(path, [...people]), [200, 200, 404])
  t.strictSame((await cid.get('/chats')).body.items, [])
  await asked(path, [...people])
  await server.sql("update chats set title = 'Theirs', visibility = 'public'")
  t.match((await ann.get('/chats')).body.items, [{ title: 'Theirs', visibility: 'public' }])
  t.strictSame(await statuses(path, [...people]), [200, 200, 403])
  await asked(path, [...people])
  await server.sql("update users set display_name = 'Annie' where id = ?", ann.user.id)
  t.match((await ann.get('/auth/me')).body, { display_name: 'Annie' })
  await asked(path, [...people])
  await server.sql('delete from sessions where user_id = ?', bob.user.id)
  t.strictSame(await statuses(path, [...people]), [200, 401, 403])
})
