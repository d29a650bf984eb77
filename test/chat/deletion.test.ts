import t from 'tap'
import { build, type Server } from '../helper.ts'
import { intercept } from '../repository.ts'
import { until } from '../until.ts'
import { outcome } from './group.ts'

const TABLES = ['messages', 'reactions', 'members', 'search_cursors']
const MESSAGES = 1800

/** How many rows of each table a chat has. */
async function rows(server: Server, chat_id: number): Promise<number[]> {
  const counts: number[] = []
  for (const table of TABLES) {
    const [{ count }] = await server.sql(`select count(*) as count from ${table} where chat_id = ?`, chat_id)
    counts.push(count)
  }
  return counts
}

/** Resolves when the row of a chat is gone. */
const gone = (server: Server, chat_id: number) =>
  until(async () => (await server.sql('select 1 from chats where id = ?', chat_id)).length === 0)

/** A public chat of two in which a lot was said. */
async function longChat(server: Server) {
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  const { body } = await ann.post('/chats', { title: 'Long', visibility: 'public', member_ids: [bob.user.id] })
  const chat_id: number = body.id
  const { user } = ann
  const { log } = server.app.db
  await log.append(Array.from({ length: MESSAGES }, () => ({ type: 'send', chat_id, user, text: 'needle' })))
  const react = (id: number) => ({ type: 'react' as const, chat_id, id, user, emoji: '👍' })
  await log.append(Array.from({ length: 600 }, (_, i) => react(i + 1)))
  return { ann, bob, chat_id, path: `/chats/${chat_id}` }
}

t.test('a long chat is gone at once, and leaves the database little by little', async t => {
  const server = await build(t)
  const { ann, bob, chat_id, path } = await longChat(server)
  const cas = await server.account('cas')
  const b = await bob.socket(chat_id)
  t.equal(outcome(await ann.delete(path)), '204')
  t.equal(await b.closed(), 4403)
  t.strictSame((await rows(server, chat_id)).slice(0, 3), [MESSAGES, 600, 0], 'what was said is still there')
  for (const [who, ask] of [
    [ann, () => ann.get(path)],
    [bob, () => bob.get(`${path}/messages`)],
    [bob, () => bob.post(`${path}/messages`, { message: 'Hello?' })],
    [cas, () => cas.get(path)],
    [cas, () => cas.post(`${path}/join`)],
    [ann, () => ann.delete(path)]
  ] as const) {
    t.equal(outcome(await ask()), '404 CHAT_NOT_FOUND', who.user.username)
  }
  for (const list of ['/chats', '/chats/public', '/search?query=needle']) {
    t.strictSame((await ann.get(list)).body.items, [], list)
  }
  await gone(server, chat_id)
  t.strictSame(await rows(server, chat_id), [0, 0, 0, 0])
})

t.test('what was under way when a chat was deleted finds none', async t => {
  const server = await build(t)
  const { ann, bob, chat_id } = await longChat(server)
  const cas = await server.account('cas')
  const { chats, log, members } = server.app.db
  const member = { id: cas.user.id, username: 'cas' }
  const [removed, ...outcomes] = await log.append([
    { type: 'remove', chat_id, user: ann.user },
    { type: 'join', chat_id, user: member },
    { type: 'set_member', chat_id, user: ann.user, member },
    { type: 'leave', chat_id, user: bob.user, member: bob.user },
    { type: 'send', chat_id, user: bob.user, text: 'Hello?' },
    { type: 'settings', chat_id, user: ann.user, title: 'New', visibility: 'public' },
    { type: 'remove', chat_id, user: ann.user }
  ])
  t.match(removed, { changed: true })
  t.strictSame(outcomes, Array(6).fill({ error: 'CHAT_NOT_FOUND' }))
  t.match(await members.access(chat_id, cas.user.id), { role: null, visibility: 'private' })
  t.equal(await chats.describe(chat_id), undefined)
})

t.test('a read marker on its way into a chat that is deleted finds none, as a message does', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1(id)
  await b.next('ready')
  let begun = false
  intercept(server.app.db.log, 'append', async call => {
    if (!begun) {
      begun = true
      await server.app.db.log.append([{ type: 'remove', chat_id: id, user: ann.user }])
    }
    return call()
  })
  b.sendTogether({ type: 'read', id: 0 }, { message: 'hello' })
  const code = { type: 'error', code: 'CHAT_NOT_FOUND', retry_after_ms: undefined }
  t.match([await b.next('error'), await b.next('error')], [code, code])
})

t.test('the next start goes on with it', async t => {
  const DATABASE_URL = `sqlite:///${t.testdir({})}/confab.db`
  const first = await build(t, { DATABASE_URL })
  const { ann, chat_id, path } = await longChat(first)
  await ann.delete(path)
  await first.app.close()
  const second = await build(t, { DATABASE_URL })
  t.equal((await rows(second, chat_id))[0], MESSAGES)
  await gone(second, chat_id)
  t.strictSame(await rows(second, chat_id), [0, 0, 0, 0])
})
