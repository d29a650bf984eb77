import t from 'tap'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import { build, type Client, type Json, type Server } from '../helper.ts'

/** One account to look around with; the others straight into the database, as a hash each takes its time. */
async function crowd(server: Server, ...usernames: string[]): Promise<Client> {
  for (const username of usernames) await server.app.db.users.create({ username, password_hash: '' })
  return server.register('zoe', 'correct horse')
}

async function names(who: Client, query: string): Promise<string[]> {
  const reply = await who.get(`/users${query}`)
  if (reply.status !== 200) throw new Error(JSON.stringify(reply.body))
  return reply.body.items.map(({ username }: { username: string }) => username)
}

t.test('people are found by the beginning of their username', async t => {
  const zoe = await crowd(await build(t), 'bob', 'anna', 'Ann', 'joann')
  t.strictSame(await names(zoe, ''), ['ann', 'anna', 'bob', 'joann', 'zoe'])
  t.strictSame(await names(zoe, '?query='), ['ann', 'anna', 'bob', 'joann', 'zoe'])
  t.strictSame(await names(zoe, '?query=ann'), ['ann', 'anna'])
  t.strictSame(await names(zoe, '?query=ANN'), ['ann', 'anna'])
  t.strictSame(await names(zoe, '?query=nobody'), [])
  const { body } = await zoe.get('/users?query=bob')
  t.strictSame(Object.keys(body), ['items'])
  t.strictSame(Object.keys(body.items[0]).sort(), ['created_at', 'display_name', 'id', 'username'])
})

t.test('people are found by the beginning of their display name, in any case and with any accents', async t => {
  const server = await build(t)
  const people: [string, string][] = [
    ['u1', 'Zoë Ångström'],
    ['u2', 'Анна Каренина'],
    ['u3', 'ΟΔΥΣΣΕΎΣ'],
    ['u4', 'Großmann'],
    ['u5', '100% Ann_e'],
    ['anna', 'Somebody']
  ]
  for (const [username, display_name] of people) {
    await server.app.db.users.create({ username, display_name, password_hash: '' })
  }
  const zoe = await server.register('zoe', 'correct horse')
  const found = (query: string) => names(zoe, `?query=${encodeURIComponent(query)}`)
  t.strictSame(await found('zoe'), ['u1', 'zoe'])
  t.strictSame(await found('ZOE ang'), ['u1'])
  t.strictSame(await found('ZOË A\u030angström'), ['u1'], 'accents may be characters of their own')
  t.strictSame(await found('анна'), ['u2'])
  t.strictSame(await found('οδυσσευς'), ['u3'])
  t.strictSame(await found('GROSSM'), ['u4'])
  t.strictSame(await found('großm'), ['u4'])
  t.strictSame(await found('ánn'), ['anna'], 'a username too')
  t.strictSame(await found('100%'), ['u5'])
  t.strictSame(await found('%'), [])
  t.strictSame(await found('Каренина'), [], 'the beginning only')
  await zoe.patch('/users/me', { display_name: 'Ümit' })
  t.strictSame(await found('umit'), ['zoe'], 'a new name')
})

t.test('names that begin alike come page by page, each person once', async t => {
  const server = await build(t)
  const { $client } = openDatabase(server.settings['DATABASE_URL']?.slice('sqlite:///'.length) as string)
  // More than are looked at in one turn, and in another order than that of their usernames.
  $client.exec(`insert into users (username, display_name, display_name_folded, password_hash, created_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < 2500)
    select printf('%s%04d', iif(value % 2, 'user', 'same'), value), 'SAME ' || (value % 7), 'same ' || (value % 7), 'x', 1
    from n`)
  const all = $client.prepare<[], string>('select username from users order by username').pluck().all()
  $client.close()
  const zoe = await server.register('zoe', 'correct horse')
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const { body } = await zoe.get(`/users?query=Same&limit=200${cursor ? `&cursor=${cursor}` : ''}`)
    seen.push(...body.items.map(({ username }: { username: string }) => username))
    cursor = body.next_cursor
  } while (cursor)
  t.strictSame(seen, all)
})

t.test('wildcards of the database are letters like others', async t => {
  const zoe = await crowd(await build(t), 'a_b', 'axb', 'a.b')
  t.strictSame(await names(zoe, '?query=a_'), ['a_b'])
  for (const query of ['%25', '_', 'a%25', '%5C', "'", '%00'])
    t.strictSame(await names(zoe, `?query=${query}`), [], query)
})

t.test('a long list is read page by page, and nobody is missed or seen twice', async t => {
  const all = Array.from({ length: 7 }, (_, i) => `user${i}`)
  const zoe = await crowd(await build(t), ...all)
  const seen: string[][] = []
  let cursor: string | undefined
  do {
    const { body } = await zoe.get(`/users?query=user&limit=3${cursor ? `&cursor=${cursor}` : ''}`)
    seen.push(body.items.map(({ username }: { username: string }) => username))
    cursor = body.next_cursor
  } while (cursor)
  t.strictSame(seen, [all.slice(0, 3), all.slice(3, 6), all.slice(6)])
  const exact = await zoe.get('/users?query=user&limit=7')
  t.equal(exact.body.next_cursor, undefined, 'no cursor to an empty page')
})

t.test('a cursor that this list did not give is refused', async t => {
  const zoe = await crowd(await build(t), 'ann')
  for (const title of ['One', 'Two']) await zoe.post('/chats', { title, visibility: 'public' })
  const foreign = (await zoe.get('/chats?limit=1')).body.next_cursor
  t.ok(foreign)
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const cursors = [
    'garbage',
    '',
    foreign,
    encode('[1]'),
    encode('[]'),
    encode('["a","b"]'),
    encode('[}]'),
    encode('{}')
  ]
  for (const cursor of cursors) {
    const reply = await zoe.get(`/users?cursor=${cursor}`)
    t.match(reply, { status: 400, body: { code: 'INVALID_CURSOR' } }, cursor)
  }
})

t.test('a query that makes no sense is refused', async t => {
  const zoe = await crowd(await build(t))
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=1&limit=2', 'name=ann', `query=${'x'.repeat(33)}`]) {
    t.match(await zoe.get(`/users?${query}`), { status: 400, body: { code: 'VALIDATION_FAILED' } }, query)
  }
})

t.test('one account is seen by all who are logged in', async t => {
  const server = await build(t)
  const zoe = await crowd(server, 'ann')
  t.match(await zoe.get('/users/1'), { status: 200, body: { id: 1, username: 'ann', display_name: 'ann' } })
  t.match(await zoe.get('/users/99'), { status: 404, body: { code: 'USER_NOT_FOUND' } })
  for (const id of ['0', '-1', '1.5', 'ann', '1e99']) {
    t.match(await zoe.get(`/users/${id}`), { status: 400, body: { code: 'VALIDATION_FAILED' } }, id)
  }
  for (const path of ['/users', '/users/1']) {
    t.match(await server.stranger().get(path), { status: 401, body: { code: 'UNAUTHENTICATED' } }, path)
  }
})

t.test('I choose the name that others see', async t => {
  const server = await build(t)
  const zoe = await crowd(server)
  const ann = await server.register('ann', 'correct horse')
  const changed = await zoe.patch('/users/me', { display_name: 'Zoë Ω' })
  t.match(changed, { status: 200, body: { id: zoe.user.id, username: 'zoe', display_name: 'Zoë Ω' } })
  t.match((await ann.get(`/users/${zoe.user.id}`)).body, { display_name: 'Zoë Ω' })
  t.match((await ann.get('/auth/me')).body, { display_name: 'ann' }, 'and nobody else is renamed')
  const wrong = [{}, { display_name: '' }, { display_name: 1 }, { display_name: 'x'.repeat(65) }, { username: 'bob' }]
  for (const body of wrong) {
    t.match(await zoe.patch('/users/me', body), { status: 400, body: { code: 'VALIDATION_FAILED' } })
  }
  t.match((await server.stranger().patch('/users/me', { display_name: 'x' })).status, 401)
})

t.test('people by their ids', async t => {
  const server = await build(t)
  const people = []
  for (const name of ['ann', 'bob', 'cas']) people.push(await server.account(name))
  const [ann, bob, cas] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]]
  const ids = (text: string) => ann.get(`/users?ids=${text}`)
  const names = async (text: string) => (await ids(text)).body.items.map(({ username }: Json) => username)
  t.strictSame(await names(`${cas.user.id},${ann.user.id},${cas.user.id},4711`), ['ann', 'cas'])
  t.strictSame((await ids(String(bob.user.id))).body, { items: [(await bob.get('/auth/me')).body] })
  const many = Array.from({ length: 100 }, (_, i) => i + 1)
  t.strictSame(await names(many.join()), ['ann', 'bob', 'cas'])
  for (const wrong of ['', '0', '-1', 'x', '1,', ',1', '1,,2', '1.5', '1e3', `${2 ** 60}`, [...many, 101].join()]) {
    t.match(await ids(wrong), { status: 400, body: { code: 'VALIDATION_FAILED' } }, wrong)
  }
  t.match(await ids('1&query=a'), { status: 400, body: { code: 'VALIDATION_FAILED' } })
  t.match(await ids('1&cursor=a'), { status: 400, body: { code: 'VALIDATION_FAILED' } })
})
