import t from 'tap'
import { build, type Json } from '../helper.ts'

// A clock that is set back: a computer without a battery, a virtual machine that is resumed.

const now = Date.now

/** Sets the clock of the process this far back, or forth, until the test ends. In milliseconds. */
function setClock(ms: number): void {
  Date.now = () => now() + ms
}

/** Less than a session of these tests lives. */
const HALF_AN_HOUR = 1_800_000

t.afterEach(() => {
  Date.now = now
})

t.test('times inside a chat never run backwards', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1(id)
  setClock(HALF_AN_HOUR)
  for (const message of ['one', 'two']) await ann.post(`${path}/messages`, { message })
  const { updated_at } = (await ann.get(path)).body
  setClock(0)
  a.send({ message: 'three', client_id: 'c' })
  t.ok((await a.next('ack')).created_at >= updated_at)
  await bob.patch(`${path}/messages/1`, { message: 'not mine' })
  await ann.patch(`${path}/messages/2`, { message: 'edited' })
  await ann.delete(`${path}/messages/1`)
  const later = await ann.get(path)
  t.ok(later.body.updated_at >= updated_at)
  const { items } = (await ann.get(`${path}/messages`)).body
  const created: string[] = items.map(({ created_at }: Json) => created_at)
  t.strictSame(created, created.toSorted())
  for (const { created_at, edited_at, deleted_at } of items) {
    t.ok((edited_at ?? created_at) >= created_at)
    t.ok((deleted_at ?? created_at) >= created_at)
  }
  t.match(items, [{ deleted_at: String }, { edited_at: String }, { message: 'three' }])
})

t.test('a chat whose times were wrong before goes on from its newest message', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const user = { id: ann.user.id, username: 'ann' }
  setClock(HALF_AN_HOUR)
  await server.app.db.log.append([{ type: 'send', chat_id: id, user, text: 'half an hour ahead' }])
  setClock(0)
  // As an edit left it that was made after the clock was right again.
  await server.sql('update chats set updated_at = ?', Date.now())
  await ann.post(`${path}/messages`, { message: 'now' })
  const { items } = (await ann.get(`${path}/messages`)).body
  t.ok(items[1].created_at >= items[0].created_at)
})

t.test('a chat that the clock never touched has the right time', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const other = await people[0].post('/chats', { title: 'Other' })
  setClock(HALF_AN_HOUR)
  await people[0].post(`${path}/messages`, { message: 'half an hour ahead' })
  setClock(0)
  const { body } = await people[0].post(`/chats/${other.body.id}/messages`, { message: 'now' })
  t.ok(Math.abs(Date.parse(body.created_at) - Date.now()) < HALF_AN_HOUR / 2)
})
