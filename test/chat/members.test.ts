import t from 'tap'
import { build, type Client, type Json } from '../helper.ts'
import { type Group, group, memberAt, outcome, pages, rolesIn, toldIn } from './group.ts'

const server = await build(t)
const [ann, bob, cyd] = [await server.account('ann'), await server.account('bob'), await server.account('cyd')]
const [dan, eve] = [await server.account('dan'), await server.account('eve')]
const NOBODY = 999_999

const makeAdmin = (chat: Group, owner: Client, client: Client) => owner.put(memberAt(chat, client), { role: 'admin' })

t.test('who joins a public chat is told to the others, once', async t => {
  const chat = await group(ann, [], { visibility: 'public' })
  await ann.post(`${chat.path}/messages`, { message: 'Before' })
  const a = await ann.socket(chat.id)
  const joined = await bob.post(`${chat.path}/join`)
  t.equal(joined.status, 200)
  t.match(joined.body, { id: chat.id, role: 'member', seq: 2, read_id: 1, unread_count: 0 })
  const { type, ...message } = await a.next()
  t.match(message, { id: 2, seq: 2, kind: 'joined', sender: { id: bob.user.id, username: 'bob' } })
  t.strictSame(Object.keys(message).sort(), ['chat_id', 'created_at', 'id', 'kind', 'sender', 'seq'])
  t.strictSame(joined.body.last_message, message)
  t.strictSame((await bob.post(`${chat.path}/join`)).body, joined.body)
  await a.silent(50)
  t.strictSame(await toldIn(chat, bob), ['text ann', 'joined bob'])
})

t.test('a burst of joins by one person makes one member and one message', async t => {
  const chat = await group(ann, [], { visibility: 'public' })
  const joins = await Promise.all(Array.from({ length: 20 }, () => bob.post(`${chat.path}/join`)))
  t.ok(joins.every(({ status }) => status === 200))
  t.strictSame(await toldIn(chat, ann), ['joined bob'])
})

t.test('a private chat cannot be joined, and does not show that it exists', async t => {
  const chat = await group(ann)
  t.strictSame((await bob.post(`${chat.path}/join`)).body, (await bob.post(`/chats/${NOBODY}/join`)).body)
  t.equal(outcome(await bob.post(`${chat.path}/join`)), '404 CHAT_NOT_FOUND')
  t.strictSame(await rolesIn(chat, ann), ['ann owner'])
})

t.test('members are listed page by page, each once', async t => {
  const chat = await group(ann, [eve, dan, cyd, bob])
  const { items, sizes } = await pages(eve, `${chat.path}/members?limit=2`)
  t.strictSame(sizes, [2, 2, 1])
  t.strictSame(
    items.map(({ user }) => user.username),
    ['ann', 'bob', 'cyd', 'dan', 'eve']
  )
  const [{ joined_at, user }] = items
  t.strictSame(items[0], { user: { ...ann.user, created_at: user.created_at }, role: 'owner', joined_at, read_id: 0 })
  t.equal(outcome(await eve.get(`${chat.path}/members?cursor=x`)), '400 INVALID_CURSOR')
})

t.test('admins add members, owners add with any role, members add nobody', async t => {
  const chat = await group(ann, [bob, cyd])
  await makeAdmin(chat, ann, bob)
  const a = await ann.socket(chat.id)
  t.equal(outcome(await cyd.put(memberAt(chat, dan), {})), '403 ADMIN_REQUIRED')
  t.equal(outcome(await bob.put(memberAt(chat, dan), { role: 'admin' })), '403 OWNER_REQUIRED')
  const added = await bob.put(memberAt(chat, dan))
  t.equal(added.status, 200)
  t.match(added.body, { user: { id: dan.user.id, username: 'dan' }, role: 'member' })
  t.match(await a.next(), { kind: 'joined', sender: { id: dan.user.id, username: 'dan' } }, 'of whom was added')
  t.strictSame((await bob.put(memberAt(chat, dan), { role: 'member' })).body, added.body, 'once more changes nothing')
  t.match((await ann.put(memberAt(chat, eve), { role: 'admin' })).body, { role: 'admin' })
  t.equal(outcome(await ann.put(`${chat.path}/members/${NOBODY}`, {})), '404 USER_NOT_FOUND')
  for (const body of [{ role: 'king' }, { role: null }, { role: 'member', more: 1 }]) {
    t.equal(outcome(await ann.put(memberAt(chat, dan), body)), '400 VALIDATION_FAILED', JSON.stringify(body))
  }
  t.strictSame(await toldIn(chat, dan), ['joined dan', 'joined eve'])
  t.strictSame(await rolesIn(chat, dan), ['ann owner', 'bob admin', 'cyd member', 'dan member', 'eve admin'])
})

t.test('owners change roles, and nobody else does', async t => {
  const chat = await group(ann, [bob, cyd])
  await makeAdmin(chat, ann, bob)
  t.equal(outcome(await bob.put(memberAt(chat, cyd), { role: 'admin' })), '403 OWNER_REQUIRED')
  t.equal(outcome(await bob.put(memberAt(chat, bob), { role: 'owner' })), '403 OWNER_REQUIRED')
  t.equal(outcome(await bob.put(memberAt(chat, ann), { role: 'member' })), '403 OWNER_REQUIRED')
  t.equal(outcome(await cyd.put(memberAt(chat, cyd), { role: 'admin' })), '403 ADMIN_REQUIRED')
  t.strictSame(await rolesIn(chat, ann), ['ann owner', 'bob admin', 'cyd member'])
  t.match((await ann.put(memberAt(chat, bob), {})).body, { role: 'admin' }, 'no role named, none changed')
})

t.test('the last owner stays one until there is another', async t => {
  const chat = await group(ann, [bob])
  t.equal(outcome(await ann.put(memberAt(chat, ann), { role: 'admin' })), '409 LAST_OWNER')
  t.match((await ann.put(memberAt(chat, ann), { role: 'owner' })).body, { role: 'owner' })
  t.match((await ann.put(memberAt(chat, bob), { role: 'owner' })).body, { role: 'owner' })
  t.match((await ann.put(memberAt(chat, ann), { role: 'member' })).body, { role: 'member' })
  t.strictSame(await rolesIn(chat, ann), ['ann member', 'bob owner'])
})

t.test('two owners who demote each other at once leave one of them', async t => {
  const chat = await group(ann, [bob])
  await ann.put(memberAt(chat, bob), { role: 'owner' })
  await Promise.all([
    ann.put(memberAt(chat, bob), { role: 'member' }),
    bob.put(memberAt(chat, ann), { role: 'member' })
  ])
  t.equal((await rolesIn(chat, ann)).filter(role => role.endsWith('owner')).length, 1)
})

t.test('admins remove members, owners anybody, members nobody', async t => {
  const chat = await group(ann, [bob, cyd, dan, eve])
  await makeAdmin(chat, ann, bob)
  await makeAdmin(chat, ann, cyd)
  t.equal(outcome(await dan.delete(memberAt(chat, eve))), '403 ADMIN_REQUIRED')
  t.equal(outcome(await dan.delete(memberAt(chat, ann))), '403 ADMIN_REQUIRED')
  t.equal(outcome(await bob.delete(memberAt(chat, cyd))), '403 OWNER_REQUIRED')
  t.equal(outcome(await bob.delete(memberAt(chat, ann))), '403 OWNER_REQUIRED')
  t.equal(outcome(await bob.delete(memberAt(chat, eve))), '204')
  t.equal(outcome(await bob.delete(memberAt(chat, eve))), '404 MEMBER_NOT_FOUND')
  t.equal(outcome(await ann.delete(memberAt(chat, cyd))), '204')
  t.equal(outcome(await dan.delete(memberAt(chat, dan))), '204')
  t.equal(outcome(await dan.delete(memberAt(chat, dan))), '404 CHAT_NOT_FOUND')
  t.strictSame(await rolesIn(chat, ann), ['ann owner', 'bob admin'])
  t.strictSame(await toldIn(chat, bob), ['left eve', 'left cyd', 'left dan'])
  t.equal(outcome(await eve.get(chat.path)), '404 CHAT_NOT_FOUND')
  t.notOk((await eve.get('/chats?limit=200')).body.items.some(({ id }: Json) => id === chat.id))
})

t.test('the sockets of a removed member close, and no frame comes after', async t => {
  const chat = await group(ann, [bob, cyd])
  const [a, c] = [await ann.socket(chat.id), await cyd.socket(chat.id)]
  const [b, b2] = [await bob.socket(chat.id), await bob.socket(chat.id)]
  await ann.post(`${chat.path}/messages`, { message: 'Before' })
  await ann.delete(memberAt(chat, bob))
  await ann.post(`${chat.path}/messages`, { message: 'After' })
  t.strictSame([await b.closed(), await b2.closed()], [4403, 4403])
  t.match(await b.all(50), [{ message: 'Before' }])
  t.match(await b2.all(0), [{ message: 'Before' }])
  for (const socket of [a, c]) {
    t.equal((await socket.next()).message, 'Before')
    t.match(await socket.next(), { kind: 'left', id: 2, sender: { id: bob.user.id, username: 'bob' } })
    t.equal((await socket.next()).message, 'After')
  }
  t.equal((await bob.refused(`/ws?chat_id=${chat.id}`)).status, 404)
})

t.test('who is added again reads on from there, with a socket as anybody', async t => {
  const chat = await group(ann, [bob])
  await ann.post(`${chat.path}/messages`, { message: 'One' })
  await ann.delete(memberAt(chat, bob))
  await ann.post(`${chat.path}/messages`, { message: 'Two' })
  await ann.put(memberAt(chat, bob), {})
  t.match((await bob.get(chat.path)).body, { role: 'member', seq: 4, read_id: 3, unread_count: 0 })
  const b = await bob.socket(chat.id)
  await ann.post(`${chat.path}/messages`, { message: 'Three' })
  t.equal((await b.next()).message, 'Three')
})

t.test('a direct chat keeps its two members and has no settings', async t => {
  const { body } = await ann.post('/chats/direct', { user_id: bob.user.id })
  const chat: Group = { id: body.id, path: `/chats/${body.id}` }
  const refused = '403 DIRECT_CHAT'
  t.equal(outcome(await ann.put(memberAt(chat, cyd), {})), refused)
  t.equal(outcome(await ann.put(memberAt(chat, bob), { role: 'member' })), refused)
  t.equal(outcome(await ann.delete(memberAt(chat, bob))), refused)
  t.equal(outcome(await ann.delete(memberAt(chat, ann))), refused)
  t.equal(outcome(await ann.patch(chat.path, { title: 'Us' })), refused)
  t.equal(outcome(await ann.patch(chat.path, { visibility: 'public' })), refused)
  t.equal(outcome(await ann.delete(chat.path)), refused)
  t.equal(outcome(await cyd.post(`${chat.path}/join`)), '404 CHAT_NOT_FOUND')
  t.strictSame(
    (await rolesIn(chat, bob)).map(role => role.split(' ')[0]),
    ['ann', 'bob']
  )
  t.match((await bob.get(chat.path)).body, { kind: 'direct', visibility: 'private', seq: 0 })
})

t.test('nothing of a member is stored after they were removed, whatever was on its way', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1(id)
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 20; i++) b.send({ message: 'over the socket' })
    const sends = Array.from({ length: 10 }, () => bob.post(`${path}/messages`, { message: 'over HTTP' }))
    await ann.delete(`${path}/members/${bob.user.id}`)
    for (const { status } of await Promise.all(sends)) t.ok([201, 403, 404].includes(status), `${status}`)
    const { items } = (await ann.get(`${path}/messages`)).body
    t.match(items.at(-1), { kind: 'left' })
    await ann.put(`${path}/members/${bob.user.id}`, {})
  }
})

t.test('how far each member has read', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  for (const message of ['one', 'two']) await ann.post(`${path}/messages`, { message })
  await bob.put(`${path}/read`, { id: 2 })
  const { items } = (await ann.get(`${path}/members`)).body
  t.strictSame(
    items.map(({ read_id }: Json) => read_id),
    [0, 2]
  )
  t.equal((await ann.put(`${path}/members/${bob.user.id}`, {})).body.read_id, 2)
})
