import t from 'tap'
import { build, type Client } from '../helper.ts'

const path = (chat: string, id: number, emoji: string) =>
  `${chat}/messages/${id}/reactions/${encodeURIComponent(emoji)}`

t.test('a reaction is a change of its message, seen wherever the message is', async t => {
  const server = await build(t)
  const chat = await server.chat('ann', 'bob')
  const [ann, bob] = chat.people
  await ann.post(`${chat.path}/messages`, { message: 'one' })
  await ann.post(`${chat.path}/messages`, { message: 'two' })

  const first = await bob.put(path(chat.path, 1, '👍'))
  t.match(first, { status: 200, body: { id: 1, seq: 3, message: 'one' } })
  t.strictSame(first.body.reactions, [{ emoji: '👍', count: 1, user_ids: [bob.user.id] }])
  await bob.put(path(chat.path, 1, '❤️'))
  const all = await ann.put(path(chat.path, 1, '👍'))
  t.equal(all.body.seq, 5)
  t.strictSame(all.body.reactions, [
    { emoji: '👍', count: 2, user_ids: [bob.user.id, ann.user.id] },
    { emoji: '❤️', count: 1, user_ids: [bob.user.id] }
  ])

  const { items } = (await bob.get(`${chat.path}/messages`)).body
  t.strictSame(items[0], all.body, 'history')
  t.notOk('reactions' in items[1], 'left out when there are none')
  t.strictSame((await bob.get(`${chat.path}/messages/1`)).body, all.body, 'one message')
  t.strictSame((await bob.get(`${chat.path}/changes?after=2`)).body.items, [all.body], 'changes')

  await bob.put(path(chat.path, 2, '🎉'))
  const latest = [{ emoji: '🎉', count: 1, user_ids: [bob.user.id] }]
  t.strictSame((await ann.get(chat.path)).body.last_message.reactions, latest, 'last_message')
  t.strictSame((await ann.get('/chats')).body.items[0].last_message.reactions, latest, 'last_message in the list')

  const edited = await ann.patch(`${chat.path}/messages/1`, { message: 'uno' })
  t.strictSame(edited.body.reactions, all.body.reactions, 'an edit keeps them')
})

t.test('repetitions take no number', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  await ann.post(`${chat.path}/messages`, { message: 'one', client_id: 'x' })
  t.match(await ann.delete(path(chat.path, 1, '👍')), { status: 200, body: { seq: 1 } })
  const added = await ann.put(path(chat.path, 1, '👍'))
  t.equal(added.body.seq, 2)
  t.strictSame((await ann.put(path(chat.path, 1, '👍'))).body, added.body)
  t.strictSame((await ann.post(`${chat.path}/messages`, { message: 'one', client_id: 'x' })).body, added.body)
  t.strictSame((await ann.patch(`${chat.path}/messages/1`, { message: 'one' })).body, added.body)
  const removed = await ann.delete(path(chat.path, 1, '👍'))
  t.match(removed, { status: 200, body: { seq: 3 } })
  t.notOk('reactions' in removed.body)
  t.strictSame((await ann.delete(path(chat.path, 1, '👍'))).body, removed.body)
  t.equal((await ann.get(chat.path)).body.seq, 3)
})

t.test('a deletion takes the reactions along, and no more come', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  await ann.post(`${chat.path}/messages`, { message: 'one' })
  await ann.put(path(chat.path, 1, '👍'))
  const gone = await ann.delete(`${chat.path}/messages/1`)
  t.equal(gone.body.seq, 3)
  t.notOk('reactions' in gone.body)
  t.notOk('reactions' in (await ann.get(`${chat.path}/messages/1`)).body)
  t.match(await ann.put(path(chat.path, 1, '👍')), { status: 409, body: { code: 'MESSAGE_DELETED' } })
  t.match(await ann.delete(path(chat.path, 1, '👍')), { status: 409, body: { code: 'MESSAGE_DELETED' } })
})

t.test('what the system wrote can be reacted to', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  await ann.patch(chat.path, { title: 'Best friends' })
  t.match(await ann.put(path(chat.path, 1, '🎉')), {
    status: 200,
    body: { kind: 'renamed', reactions: [{ emoji: '🎉' }] }
  })
})

t.test('at most 20 different emoji on a message', async t => {
  const server = await build(t)
  const chat = await server.chat('ann', 'bob')
  const [ann, bob] = chat.people
  await ann.post(`${chat.path}/messages`, { message: 'one' })
  for (let i = 0; i < 20; i++) t.equal((await ann.put(path(chat.path, 1, `e${i}`))).status, 200)
  t.match(await ann.put(path(chat.path, 1, '👍')), { status: 409, body: { code: 'TOO_MANY_REACTIONS' } })
  t.match(await bob.put(path(chat.path, 1, 'e7')), { status: 200 }, 'one that is there already is no other')
  await ann.delete(path(chat.path, 1, 'e3'))
  t.equal((await bob.put(path(chat.path, 1, '👍'))).status, 200)
})

t.test('the count is exact, and the first 100 are named', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  await ann.post(`${chat.path}/messages`, { message: 'one' })
  const users: number[] = []
  for (let i = 0; i < 103; i++) {
    const user = await server.app.db.users.create({ username: `user${i}`, password_hash: '' })
    users.push(user?.id as number)
  }
  users.reverse()
  await server.app.db.log.append(
    users.map(id => ({ type: 'react', chat_id: chat.id, id: 1, emoji: '👍', user: { id, username: '' } }))
  )
  const { reactions } = (await ann.get(`${chat.path}/messages/1`)).body
  t.strictSame(reactions, [{ emoji: '👍', count: 103, user_ids: users.slice(0, 100) }])
})

t.test('which emoji', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  await ann.post(`${chat.path}/messages`, { message: 'one' })
  for (const emoji of ['👩🏽‍❤️‍💋‍👨🏻', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', '+1', 'a/b', '日本', 'x'.repeat(32), '👍'.repeat(32)]) {
    const reply = await ann.put(path(chat.path, 1, emoji))
    t.match(reply, { status: 200 }, emoji)
    t.equal(reply.body.reactions.at(-1).emoji, emoji)
  }
  for (const emoji of [
    'a b',
    ' ',
    '\n',
    '\u0000',
    '\u007f',
    '\u00a0',
    '\u200d',
    '\u202ex',
    '\ufe0f',
    '👍'.repeat(33)
  ]) {
    t.match(await ann.put(path(chat.path, 1, emoji)), { status: 400, body: { code: 'VALIDATION_FAILED' } }, emoji)
  }
  t.match(await ann.put(`${chat.path}/messages/1/reactions/%ff`), { status: 400 }, 'not UTF-8')
  t.match(await ann.put(`${chat.path}/messages/1/reactions/`), { status: 400 }, 'empty')
})

t.test('members only, and only messages of the chat', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  const eve = await server.account('eve')
  await ann.post(`${chat.path}/messages`, { message: 'one' })
  const tries = async (client: Client, id: number, expected: object) => {
    t.match(await client.put(path(chat.path, id, '👍')), expected)
    t.match(await client.delete(path(chat.path, id, '👍')), expected)
  }
  await tries(server.stranger(), 1, { status: 401 })
  await tries(eve, 1, { status: 404, body: { code: 'CHAT_NOT_FOUND' } })
  await tries(ann, 7, { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  await ann.patch(chat.path, { visibility: 'public' })
  await tries(eve, 1, { status: 403, body: { code: 'NOT_A_MEMBER' } })
})
