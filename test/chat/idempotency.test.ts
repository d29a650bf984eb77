import t from 'tap'
import type { Change } from '../../src/db/changes.ts'
import { build, type Client, type Json } from '../helper.ts'
import { group, outcome } from './group.ts'

const server = await build(t)
const [ann, bob] = [await server.account('ann'), await server.account('bob')]

const send = (client: Client, path: string, message: string, client_id: string) =>
  client.post(`${path}/messages`, { message, client_id })

t.test('a message sent again with its client_id is the first one, and nobody hears of it twice', async t => {
  const { id, path } = await group(ann, [bob])
  const b = await bob.socket(id)
  const first = await send(ann, path, 'Hello', 'c1')
  t.equal(first.status, 201)
  t.notOk('client_id' in first.body, 'it is between the sender and the server')
  await b.next()
  const again = await send(ann, path, 'Hello', 'c1')
  t.equal(again.status, 200)
  t.strictSame(again.body, first.body)
  await b.silent(50)
  t.equal(outcome(await send(ann, path, 'Another text', 'c1')), '409 CLIENT_ID_REUSED')
  t.equal(outcome(await send(ann, path, 'hello', 'c1')), '409 CLIENT_ID_REUSED')
  t.equal((await ann.get(path)).body.seq, 1)
})

t.test('twenty at once make one message', async t => {
  const { path } = await group(ann, [bob])
  const replies = await Promise.all(Array.from({ length: 20 }, () => send(ann, path, 'Hello', 'c1')))
  t.strictSame(replies.map(({ status }) => status).sort(), [...Array(19).fill(200), 201])
  t.ok(replies.every(({ body }) => body.id === 1))
  t.equal((await bob.get(`${path}/messages`)).body.items.length, 1)
})

t.test('after an edit, the text first sent is the one that counts', async t => {
  const { path } = await group(ann)
  await send(ann, path, 'First', 'c1')
  for (const message of ['Second', 'Third']) await ann.patch(`${path}/messages/1`, { message })
  const again = await send(ann, path, 'First', 'c1')
  t.equal(again.status, 200)
  t.match(again.body, { id: 1, seq: 3, message: 'Third' }, 'as it now is')
  t.equal(outcome(await send(ann, path, 'Second', 'c1')), '409 CLIENT_ID_REUSED')
  t.equal(outcome(await send(ann, path, 'Third', 'c1')), '409 CLIENT_ID_REUSED')
})

t.test('after a deletion, a retry gets the tombstone and revives nothing', async t => {
  const { path } = await group(ann)
  await send(ann, path, 'First', 'c1')
  const tombstone = (await ann.delete(`${path}/messages/1`)).body
  const again = await send(ann, path, 'First', 'c1')
  t.equal(again.status, 200)
  t.strictSame(again.body, tombstone)
  t.equal((await ann.get(path)).body.seq, 2)
})

t.test('the same client_id of another sender or in another chat is another one', async t => {
  const [here, there] = [await group(ann, [bob]), await group(ann)]
  t.equal((await send(ann, here.path, 'Mine', 'c1')).body.id, 1)
  t.equal((await send(bob, here.path, 'Yours', 'c1')).body.id, 2)
  t.equal(outcome(await send(ann, there.path, 'Elsewhere', 'c1')), '201')
  t.equal(outcome(await send(ann, here.path, 'Mine', 'C1')), '201', 'it is compared exactly')
})

t.test('without a client_id, the same text is sent as often as asked', async t => {
  const { path } = await group(ann)
  for (const id of [1, 2])
    t.match(await ann.post(`${path}/messages`, { message: 'Hello' }), { status: 201, body: { id } })
})

t.test('a retry is known by what was stored, half a surrogate pair replaced', async t => {
  const { path } = await group(ann)
  const body = '{"message":"a\\ud800","client_id":"c1"}'
  t.equal(outcome(await ann.post(`${path}/messages`, body)), '201')
  t.equal(outcome(await ann.post(`${path}/messages`, body)), '200')
})

t.test('a client_id that cannot be stored as it is, is refused', async t => {
  const { path } = await group(ann)
  for (const client_id of ['"\\ud800"', '"x\\udc00x"', '"\\u0000"']) {
    const body = `{"message":"a","client_id":${client_id}}`
    t.equal(outcome(await ann.post(`${path}/messages`, body)), '400 VALIDATION_FAILED', client_id)
  }
  t.equal(outcome(await send(ann, path, 'a', '\ud83d\ude00')), '201')
})

t.test('a client_id is known after a restart', async t => {
  const before = await build(t)
  const { path, people } = await before.chat('ann')
  const first = await send(people[0], path, 'Hello', 'c1')
  await before.app.close()
  const after = await build(t, before.settings)
  const again = await send(await after.login('ann'), path, 'Hello', 'c1')
  t.equal(again.status, 200)
  t.strictSame(again.body, first.body)
})

t.test('a change that cannot be stored fails alone, and takes no number', async t => {
  const { id, path } = await group(ann, [bob])
  const say = (user: Client['user'], text: string, client_id?: string): Change => ({
    type: 'send',
    chat_id: id,
    user,
    text,
    client_id
  })
  // A member without an account, as only a damaged database has one.
  const nobody = { id: 999_999, username: 'nobody' }
  server.database().pragma('foreign_keys = OFF')
  await server.sql("insert into members (chat_id, user_id, role, joined_at) values (?, ?, 'member', 0)", id, nobody.id)
  server.database().pragma('foreign_keys = ON')
  const outcomes = await server.app.db.log.append([
    say(ann.user, 'One', 'c1'),
    say(nobody, 'Lost'),
    say(bob.user, 'Two'),
    say(nobody, 'Lost too'),
    say(ann.user, 'One', 'c1'),
    say(ann.user, 'Other', 'c1'),
    say(ann.user, 'Three')
  ])
  t.match(outcomes, [
    { changed: true, message: { id: 1, message: 'One' } },
    { error: 'STORAGE_FAILED', cause: /FOREIGN KEY/ },
    { changed: true, message: { id: 2, message: 'Two' } },
    { error: 'STORAGE_FAILED' },
    { changed: false, message: { id: 1 } },
    { error: 'CLIENT_ID_REUSED' },
    { changed: true, message: { id: 3, message: 'Three' } }
  ])
  const { items } = (await bob.get(`${path}/messages`)).body
  t.strictSame(
    items.map(({ id, seq, message }: Json) => [id, seq, message]),
    [
      [1, 1, 'One'],
      [2, 2, 'Two'],
      [3, 3, 'Three']
    ]
  )
  t.match((await ann.get(path)).body, { seq: 3 })
  t.match((await ann.post(`${path}/messages`, { message: 'Four' })).body, { id: 4 })
})
