import t from 'tap'
import { build, type Client, type Json } from '../helper.ts'
import { group, outcome } from './group.ts'

const server = await build(t)
const [ann, bob, cyd] = [await server.account('ann'), await server.account('bob'), await server.account('cyd')]

const fill = (chat_id: number, { user }: Client, count: number) =>
  server.app.db.log.append(Array.from({ length: count }, (_, i) => ({ type: 'send', chat_id, user, text: `${i}` })))

t.test('a read marker moves forward only, up to the end of the chat', async t => {
  const { id, path } = await group(ann, [bob])
  await fill(id, bob, 5)
  const mark = async (to: number) => (await ann.put(`${path}/read`, { id: to })).body
  t.strictSame(await mark(0), { read_id: 0, unread_count: 5 })
  t.strictSame(await mark(3), { read_id: 3, unread_count: 2 })
  t.strictSame(await mark(1), { read_id: 3, unread_count: 2 })
  t.strictSame(await mark(Number.MAX_SAFE_INTEGER), { read_id: 5, unread_count: 0 })
  await fill(id, bob, 1)
  t.match((await ann.get(path)).body, { read_id: 5, unread_count: 1 }, 'the marker did not run ahead')
  t.match((await bob.get(path)).body, { read_id: 0, unread_count: 0 }, 'it is mine alone')
  for (const body of [{}, { id: -1 }, { id: '1' }, { id: 1.5 }, { id: 1, more: true }]) {
    t.equal(outcome(await ann.put(`${path}/read`, body)), '400 VALIDATION_FAILED', JSON.stringify(body))
  }
})

t.test('unread are the messages of others, neither deleted nor of the system, exact to 100', async t => {
  const { id, path } = await group(ann, [bob])
  const unread = async () => (await ann.get(path)).body.unread_count
  await fill(id, ann, 3)
  await ann.patch(path, { title: 'Renamed' })
  await bob.patch(path, { title: 'Not allowed' })
  await ann.put(`${path}/members/${cyd.user.id}`, {})
  t.equal(await unread(), 0)
  await fill(id, bob, 99)
  t.equal(await unread(), 99)
  await fill(id, bob, 1)
  t.equal(await unread(), 100)
  await fill(id, bob, 3)
  t.equal(await unread(), 100)
  const { seq } = (await ann.get(path)).body
  t.strictSame((await ann.put(`${path}/read`, { id: seq - 4 })).body, { read_id: seq - 4, unread_count: 4 })
  await bob.delete(`${path}/messages/${seq}`)
  await bob.patch(`${path}/messages/${seq - 1}`, { message: 'Edited' })
  t.equal(await unread(), 3, 'an edit makes a message neither read nor unread')
  t.equal((await ann.get('/chats')).body.items.find((chat: Json) => chat.id === id).unread_count, 3)
})

t.test('the list shows to each what they have read, as far as they have', async t => {
  const { id, path } = await group(ann, [bob, cyd])
  await fill(id, cyd, 3)
  const seen = async (who: Client) => {
    const { read_id, unread_count } = (await who.get('/chats')).body.items.find((chat: Json) => chat.id === id)
    return [read_id, unread_count]
  }
  t.strictSame(
    [await seen(ann), await seen(bob), await seen(cyd)],
    [
      [0, 3],
      [0, 3],
      [0, 0]
    ]
  )
  await ann.put(`${path}/read`, { id: 2 })
  t.strictSame(
    [await seen(ann), await seen(bob), await seen(cyd)],
    [
      [2, 1],
      [0, 3],
      [0, 0]
    ]
  )
})
