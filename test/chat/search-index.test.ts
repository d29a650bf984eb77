import { Writable } from 'node:stream'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { build, type Client, type Server } from '../helper.ts'

/** The database from outside, and how many rows of the index have a word. */
function database(server: Server) {
  const db = new Sqlite(String(server.settings['DATABASE_URL']).slice('sqlite:///'.length))
  server.t.teardown(() => db.close())
  const rows = db.prepare<string, number>('select count(*) from messages_search where messages_search match ?').pluck()
  return { db, count: (word: string) => rows.get(word) as number }
}

async function until(done: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 10_000
  while (!done() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
  return done()
}

async function count(client: Client, query: string): Promise<number> {
  const reply = await client.get(`/search?query=${query}&limit=200`)
  return reply.status === 200 ? reply.body.items.length : reply.status
}

/** Sends many messages at once. */
async function say(server: Server, chat_id: number, { user }: Client, texts: string[]): Promise<void> {
  await server.app.db.log.append(texts.map(text => ({ type: 'send', chat_id, user, text })))
}

const numbered = (word: string, length: number) => Array.from({ length }, (_, i) => `${word} ${i}`)

t.test('the index fills in the background, and a chat that is deleted leaves it', async t => {
  const server = await build(t)
  const { db, count } = database(server)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  await say(server, id, ann, numbered('word', 130))
  t.equal(count('word'), 0, 'nobody who sends waits for it')
  t.ok(await until(() => count('word') === 130))
  t.equal(db.prepare('select seq from search_cursors where chat_id = ?').pluck().get(id), 130)
  await ann.delete(path)
  t.ok(await until(() => count('word') === 0))
  const left = db.prepare('select (select count(*) from search_cursors) + (select count(*) from search_deleted_chats)')
  t.ok(await until(() => left.pluck().get() === 0), 'nothing of it is left')
  t.equal(db.prepare('select count(*) from messages_search_content').pluck().get(), 0)
})

t.test('a chat that leaves the index keeps no other out of it', async t => {
  const server = await build(t)
  const { db, count } = database(server)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const { body: other } = await ann.post('/chats', { title: 'Another' })
  await say(server, id, ann, numbered('gone', 1000))
  t.ok(await until(() => count('gone') === 1000))
  await ann.delete(path)
  const leaving = db.prepare('select count(*) from search_deleted_chats').pluck()
  t.ok(await until(() => leaving.get() === 1))
  await say(server, other.id, ann, ['here'])
  t.ok(await until(() => count('here') === 1))
  t.ok(count('gone') > 0)
})

t.test('the background looks at every chat', async t => {
  const server = await build(t)
  const { db, count } = database(server)
  const ann = await server.account('ann')
  db.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 1100)
    insert into chats (kind, visibility, title, created_by, created_at, updated_at)
    select 'group', 'private', 'Empty', ${ann.user.id}, 0, 0 from n`)
  const { body: chat } = await ann.post('/chats', { title: 'The last' })
  t.ok(chat.id > 1000)
  await ann.post(`/chats/${chat.id}/messages`, { message: 'here' })
  t.ok(await until(() => count('here') === 1))
})

t.test('a busy server has other things to do', async t => {
  const server = await build(t)
  const { count } = database(server)
  const { id, people } = await server.chat('ann')
  await say(server, id, people[0], ['word'])
  const end = Date.now() + 2500
  while (Date.now() < end) {
    const turn = Date.now() + 20
    while (Date.now() < turn);
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(count('word'), 0)
  t.ok(await until(() => count('word') === 1))
})

t.test('a search finds all there is, however far the index is behind', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  await say(server, id, ann, numbered('word', 450))
  const long = Array.from({ length: 2000 }, (_, i) => `w${i}`).join(' ')
  await say(server, id, ann, Array(60).fill(`${long} long`))
  t.equal(await count(ann, 'long'), 60)
  t.equal(await count(ann, 'word'), 200)
  t.equal(await count(ann, '449'), 1)
})

t.test('a chat may go while it is searched', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  await ann.post(`${path}/messages`, { message: 'long gone' })
  const { body: other } = await ann.post('/chats', { title: 'Searched first' })
  await new Promise(resolve => setTimeout(resolve, 5))
  await say(server, other.id, ann, Array(60).fill(numbered('long', 1000).join(' ')))
  const { db } = database(server)
  const searching = count(ann, 'long')
  await new Promise(resolve => setTimeout(resolve, 20))
  db.prepare('delete from chats where id = ?').run(id)
  t.equal(await searching, 60)
})

t.test('the index outlives a restart and is built anew when it was dropped', async t => {
  const first = await build(t)
  const { id, path, people } = await first.chat('ann')
  await say(first, id, people[0], ['one word', 'another word'])
  t.equal(await count(people[0], 'word'), 2)
  await first.app.close()

  const second = await build(t, first.settings)
  const ann = await second.login('ann')
  t.equal(await count(ann, 'word'), 2)
  const { db } = database(second)
  db.exec('drop table messages_search')
  t.equal(await count(ann, 'word'), 500)
  await second.app.close()

  const third = await build(t, first.settings)
  const again = await third.login('ann')
  t.equal(await count(again, 'word'), 2)
  await again.delete(`${path}/messages/1`)
  t.equal(await count(again, 'word'), 1)
})

t.test('a broken index is told to the log, and the server goes on', async t => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    }
  })
  const server = await build(t, {}, { level: 'warn', stream })
  const { path, people } = await server.chat('ann')
  const [ann] = people
  database(server).db.exec('drop table messages_search')
  t.match(await ann.post(`${path}/messages`, { message: 'hello' }), { status: 201 })
  t.ok(await until(() => lines.some(line => line.includes('work in the background stands still'))))
  t.match(await ann.get(`${path}/messages`), { status: 200, body: { items: [{ message: 'hello' }] } })
})
