import t from 'tap'
import { build, type Json } from '../helper.ts'
import { laterTime } from '../until.ts'
import { group, outcome, pages } from './group.ts'

const server = await build(t)
const [ann, bob, cyd] = [await server.account('ann'), await server.account('bob'), await server.account('cyd')]
const NOBODY = 999_999

const idsOf = (items: Json[]): number[] => items.map(({ id }) => id)
t.test('a new chat is private, empty, and its maker is the owner', async t => {
  const { status, body } = await ann.post('/chats', { title: 'Friends' })
  t.equal(status, 201)
  const { id, created_at } = body
  t.strictSame(body, {
    id,
    kind: 'group',
    visibility: 'private',
    title: 'Friends',
    seq: 0,
    created_by: ann.user.id,
    created_at,
    updated_at: created_at,
    role: 'owner',
    read_id: 0,
    unread_count: 0
  })
  t.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.strictSame((await ann.get(`/chats/${id}`)).body, { ...body, epoch: server.app.db.epoch })
})

t.test('a chat is made with members, and its maker among them stays the owner', async t => {
  const { path } = await group(ann, [bob, ann])
  const { items } = (await bob.get(`${path}/members`)).body
  t.strictSame(
    items.map(({ user, role }: Json) => [user.id, role]),
    [
      [ann.user.id, 'owner'],
      [bob.user.id, 'member']
    ]
  )
})

t.test('a chat that cannot be made is refused, and none is left behind', async t => {
  const before = (await ann.get('/chats?limit=200')).body.items.length
  const refusals: [object | string, string][] = [
    [{}, '400 VALIDATION_FAILED'],
    [{ title: '' }, '400 VALIDATION_FAILED'],
    [{ title: '💬'.repeat(201) }, '400 VALIDATION_FAILED'],
    [{ title: 'a\u0000b' }, '400 VALIDATION_FAILED'],
    [{ title: 1 }, '400 VALIDATION_FAILED'],
    [{ title: 'x', visibility: 'secret' }, '400 VALIDATION_FAILED'],
    [{ title: 'x', colour: 'red' }, '400 VALIDATION_FAILED'],
    [{ title: 'x', member_ids: [bob.user.id, bob.user.id] }, '400 VALIDATION_FAILED'],
    [{ title: 'x', member_ids: [String(bob.user.id)] }, '400 VALIDATION_FAILED'],
    [{ title: 'x', member_ids: bob.user.id }, '400 VALIDATION_FAILED'],
    [{ title: 'x', member_ids: [bob.user.id, NOBODY] }, '404 USER_NOT_FOUND'],
    ['{"title":', '400 INVALID_JSON']
  ]
  for (const [body, expected] of refusals) {
    t.equal(outcome(await ann.post('/chats', body)), expected, JSON.stringify(body))
  }
  const { body: unknown } = await ann.post('/chats', { title: 'x', ['c'.repeat(60)]: 1 })
  t.equal(unknown.message, `body must NOT have additional properties: "${'c'.repeat(50)}"`)
  t.equal((await ann.get('/chats?limit=200')).body.items.length, before)
  t.equal(outcome(await ann.post('/chats', { title: '💬'.repeat(200) })), '201')
})

t.test('two people have one direct chat, whoever opens it and however often', async t => {
  const asks = Array.from({ length: 20 }, (_, i) =>
    i % 2 ? ann.post('/chats/direct', { user_id: bob.user.id }) : bob.post('/chats/direct', { user_id: ann.user.id })
  )
  const replies = await Promise.all(asks)
  t.equal(new Set(idsOf(replies.map(({ body }) => body))).size, 1)
  t.strictSame(replies.map(({ status }) => status).sort(), [...Array(19).fill(200), 201])
  const [fromBob, fromAnn] = replies.map(({ body }) => body)
  t.match(fromAnn, { kind: 'direct', visibility: 'private', peer: { id: bob.user.id, username: 'bob' } })
  t.match(fromBob, { kind: 'direct', visibility: 'private', peer: { id: ann.user.id, username: 'ann' } })
  t.notOk('title' in fromAnn)
  const listed = (await bob.get('/chats?limit=200')).body.items.filter(({ kind }: Json) => kind === 'direct')
  const { epoch, ...shown } = (await bob.get(`/chats/${fromBob.id}`)).body
  t.strictSame(listed, [shown])
})

t.test('there is no direct chat with oneself or with nobody', async t => {
  t.equal(outcome(await ann.post('/chats/direct', { user_id: ann.user.id })), '400 VALIDATION_FAILED')
  t.equal(outcome(await ann.post('/chats/direct', { user_id: NOBODY })), '404 USER_NOT_FOUND')
  t.equal(outcome(await ann.post('/chats/direct', { user_id: `${bob.user.id}` })), '400 VALIDATION_FAILED')
})

t.test('my chats come latest activity first, page by page, each once', async t => {
  const dan = await server.account('dan')
  t.strictSame((await dan.get('/chats')).body, { items: [] })
  const made = await Promise.all(Array.from({ length: 7 }, () => group(dan, [ann])))
  await group(ann)
  await laterTime()
  const latest = made[3] as { id: number; path: string }
  const { body: message } = await ann.post(`${latest.path}/messages`, { message: 'Hello' })
  const { items, sizes } = await pages(dan, '/chats?limit=3')
  t.strictSame(sizes, [3, 3, 1])
  const others = idsOf(items).slice(1)
  t.strictSame([...others].sort(), idsOf(made.filter(({ id }) => id !== latest.id)).sort())
  t.match(items[0], { id: latest.id, role: 'owner', seq: 1, read_id: 0, unread_count: 1, last_message: message })
  const times = items.map(({ updated_at }) => updated_at)
  t.strictSame(times, [...times].sort().reverse())
  t.strictSame((await dan.get('/chats')).body, { items })
  t.strictSame((await pages(dan, '/chats?limit=7')).sizes, [7], 'a full last page has no cursor')
  const cursors = ['', 'x', '%00', 'W10', 'WzFd', 'W251bGwsbnVsbF0', 'WyIxIiwiMiJd']
  for (const cursor of cursors) t.equal(outcome(await dan.get(`/chats?cursor=${cursor}`)), '400 INVALID_CURSOR', cursor)
  for (const limit of ['0', '201', 'x', '1.5', '']) {
    t.equal(outcome(await dan.get(`/chats?limit=${limit}`)), '400 VALIDATION_FAILED', `limit=${limit}`)
  }
})

t.test('public chats are found by a part of their title, taken literally', async t => {
  const titles = ['Rust 100%', 'rusty_nails', 'Trust\\me', 'Go']
  const made: number[] = []
  for (const title of titles) made.push((await group(ann, [], { title, visibility: 'public' })).id)
  await group(ann, [], { title: 'Rust in private' })
  const find = async (query: string) => {
    const { items } = await pages(cyd, `/chats/public?limit=2&query=${encodeURIComponent(query)}`)
    return items.map(({ title }) => title)
  }
  t.strictSame(await find(''), [...titles].reverse(), 'newest first')
  t.strictSame(await find('RUST'), ['Trust\\me', 'rusty_nails', 'Rust 100%'])
  t.strictSame(await find('%'), ['Rust 100%'])
  t.strictSame(await find('_'), ['rusty_nails'])
  t.strictSame(await find('\\'), ['Trust\\me'])
  t.strictSame(await find("' or 1=1 --"), [])
  const [found] = (await cyd.get('/chats/public?query=Go')).body.items
  const keys = ['created_at', 'created_by', 'id', 'kind', 'seq', 'title', 'updated_at', 'visibility']
  t.strictSame(Object.keys(found).sort(), keys, 'nothing that is for members')
  t.strictSame(idsOf((await pages(cyd, '/chats/public?limit=3')).items), made.reverse())
})

t.test('a new title is told to the chat, and the same title is not', async t => {
  const { id, path } = await group(ann, [bob])
  const b = await bob.socket(id)
  const { status, body } = await ann.patch(path, { title: 'Family 👪', visibility: 'public' })
  t.equal(status, 200)
  t.match(body, { title: 'Family 👪', visibility: 'public', seq: 1, last_message: { id: 1, kind: 'renamed' } })
  t.match(await b.next(), {
    type: 'message',
    id: 1,
    kind: 'renamed',
    message: 'Family 👪',
    sender: { username: 'ann' }
  })
  t.match((await ann.patch(path, { title: 'Family 👪' })).body, { seq: 1 })
  t.match((await ann.patch(path, { visibility: 'private' })).body, { seq: 1, visibility: 'private' })
  await b.silent(50)
  t.equal(outcome(await cyd.get(path)), '404 CHAT_NOT_FOUND', 'private again')
  for (const change of [{}, { title: '' }, { title: null }, { visibility: 'x' }, { title: 'x', kind: 'direct' }]) {
    t.equal(outcome(await ann.patch(path, change)), '400 VALIDATION_FAILED', JSON.stringify(change))
  }
  t.match((await bob.get(path)).body, { title: 'Family 👪', seq: 1, unread_count: 0 })
})

t.test('half a surrogate pair in a title is replaced, for everybody alike', async t => {
  const { id, path } = await group(ann, [bob])
  const b = await bob.socket(id)
  const { body } = await ann.patch(path, '{"title":"a\\ud800b"}')
  t.equal(body.title, 'a\ufffdb')
  t.equal((await b.next()).message, 'a\ufffdb')
  t.equal((await bob.get(path)).body.last_message.message, 'a\ufffdb')
  t.equal((await ann.patch(path, '{"title":"a\\udc00b"}')).body.seq, 1, 'the same title')
  t.equal((await ann.post('/chats', '{"title":"\\udc00"}')).body.title, '\ufffd')
})

t.test('a deleted chat is gone for everybody, and its id is not given again', async t => {
  const { id, path } = await group(ann, [bob])
  await ann.post(`${path}/messages`, { message: 'Hello' })
  const [a, b] = [await ann.socket(id), await bob.socket(id)]
  t.equal(outcome(await bob.delete(path)), '403 OWNER_REQUIRED')
  t.equal(outcome(await ann.delete(path)), '204')
  t.strictSame([await a.closed(), await b.closed()], [4403, 4403])
  for (const client of [ann, bob]) {
    t.equal(outcome(await client.get(path)), '404 CHAT_NOT_FOUND')
    t.equal(outcome(await client.post(`${path}/messages`, { message: 'Hello?' })), '404 CHAT_NOT_FOUND')
    t.notOk(idsOf((await client.get('/chats?limit=200')).body.items).includes(id))
  }
  t.equal(outcome(await ann.delete(path)), '404 CHAT_NOT_FOUND')
  t.ok((await group(ann)).id > id)
})
