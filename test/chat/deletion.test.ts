import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { build, type Json, type Server } from '../helper.ts'
import { outcome } from './group.ts'

const TABLES = ['messages', 'reactions', 'members', 'search_cursors']
const MESSAGES = 1800

/** The database from outside, and how much of a chat is left in it. */
function database({ settings, t }: Server) {
  const db = new Sqlite(String(settings['DATABASE_URL']).slice('sqlite:///'.length))
  t.teardown(() => db.close())
  const left = (id: number) =>
    TABLES.map(table => db.prepare(`select count(*) from ${table} where chat_id = ?`).pluck().get(id))
  const exists = db.prepare('select 1 from chats where id = ?').pluck()
  return { db, left, exists: (id: number) => exists.get(id) === 1 }
}

async function until(done: () => boolean): Promise<boolean> {
  for (const end = Date.now() + 10_000; !done() && Date.now() < end; ) await sleep(20)
  return done()
}

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
  const { left, exists } = database(server)
  const cas = await server.account('cas')
  const b = await bob.socket(chat_id)
  t.equal(outcome(await ann.delete(path)), '204')
  t.equal(await b.closed(), 4403)
  t.strictSame(left(chat_id).slice(0, 3), [MESSAGES, 600, 0], 'what was said is still there')
  for (const [who, ask] of [
    [ann, () => ann.get(path)],
    [bob, () => bob.get(`${path}/messages`)],
    [bob, () => bob.post(`${path}/messages`, { message: 'Hello?' })],
    [cas, () => cas.get(path)],
    [cas, () => cas.post(`${path}/join`)],
    [ann, () => ann.delete(path)]
  ] as const) {
    t.equal(outcome((await ask()) as Json), '404 CHAT_NOT_FOUND', who.user.username)
  }
  for (const list of ['/chats', '/chats/public', '/search?query=needle']) {
    t.strictSame((await ann.get(list)).body.items, [], list)
  }
  t.ok(await until(() => !exists(chat_id)))
  t.strictSame(left(chat_id), [0, 0, 0, 0])
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
  const repository: Json = server.app.db.log
  const append = repository.append.bind(repository)
  let begun = false
  repository.append = async (changes: unknown[]) => {
    if (!begun) {
      begun = true
      await server.app.db.log.append([{ type: 'remove', chat_id: id, user: ann.user }])
    }
    return append(changes)
  }
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
  const { left, exists } = database(second)
  t.equal(left(chat_id)[0], MESSAGES)
  t.ok(await until(() => !exists(chat_id)))
  t.strictSame(left(chat_id), [0, 0, 0, 0])
})
