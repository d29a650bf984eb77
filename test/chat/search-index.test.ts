import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import t from 'tap'
import { build } from '../helper.ts'
import { laterTime, until } from '../until.ts'
import { count, database, numbered, say } from './indexed.ts'

t.test('the index fills in the background, and a chat that is deleted leaves it', async t => {
  const server = await build(t)
  const { db, count } = database(server)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  await say(server, id, ann, numbered('word', 130))
  t.equal(count('word'), 0, 'nobody who sends waits for it')
  await until(() => count('word') === 130)
  t.equal(db.prepare('select seq from search_cursors where chat_id = ?').pluck().get(id), 130)
  await ann.delete(path)
  await until(() => count('word') === 0)
  const left = db.prepare('select (select count(*) from search_cursors) + (select count(*) from search_deleted_chats)')
  await until(() => left.pluck().get() === 0)
  t.equal(db.prepare('select count(*) from messages_search_content').pluck().get(), 0)
})

t.test('a chat that leaves the index keeps no other out of it', async t => {
  const server = await build(t)
  const { db, count } = database(server)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const { body: other } = await ann.post('/chats', { title: 'Another' })
  await say(server, id, ann, numbered('gone', 1000))
  await until(() => count('gone') === 1000)
  await ann.delete(path)
  const leaving = db.prepare('select count(*) from search_deleted_chats').pluck()
  await until(() => leaving.get() === 1)
  await say(server, other.id, ann, ['here'])
  await until(() => count('here') === 1)
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
  await until(() => count('here') === 1)
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
  await until(() => count('word') === 1)
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
  await laterTime()
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

t.test('texts of very many different words are found, edited and deleted like others', async t => {
  const server = await build(t)
  const { db, file } = database(server)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const long = (word: string) => `${numbered('w', 500).join('-')} ${word} end`
  await say(server, id, ann, ['first zanzibarine', long('zanzibarine'), long('quixotically'), 'last zanzibarine'])
  const found = async (query: string) => {
    const { items } = (await ann.get(`/search?query=${query}&limit=2`)).body
    return items.map((item: { id: number }) => item.id)
  }
  t.strictSame(await found('zanzibarine'), [4, 2])
  t.strictSame(await found('499-quixotically e'), [3])
  t.strictSame(await found('zanzib quixo'), [])
  t.strictSame(await found('w-499'), [3, 2])
  const longs = db.prepare('select count(*) from search_long').pluck()
  t.equal(longs.get(), 2)
  await ann.put(`${path}/messages/2/reactions/+1`)
  t.strictSame(await found('zanzibarine'), [4, 2])
  await ann.patch(`${path}/messages/2`, { message: long('edited') })
  await ann.delete(`${path}/messages/3`)
  t.equal(longs.get(), 0, 'at once')
  t.strictSame(await found('zanzibarine'), [4, 1])
  t.strictSame(await found('quixotically'), [])
  t.strictSame(await found('edited'), [2])
  db.pragma('wal_checkpoint(truncate)')
  t.notMatch(readFileSync(file, 'latin1'), 'quixotically')
  await ann.delete(path)
  await until(() => longs.get() === 0)
})

t.test('a message that changes while it is searched for is given as it then is, or not at all', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await say(server, id, ann, numbered('word', 6))
  const search = () => server.app.db.search.find(bob.user.id, { query: 'wor', limit: 10 })
  /** Stops when everything is found and nothing is read yet, and goes on after a change. */
  async function meanwhile(matches: number, change: () => Promise<unknown>) {
    t.equal(await count(bob, 'wor'), matches)
    let pieces = 0
    for (const work = search(); !(await work.next()).done; ) pieces++
    const work = search()
    for (let i = 0; i <= pieces - matches; i++) await work.next()
    await change()
    for (;;) {
      const { done, value } = await work.next()
      if (done) return value.items.map(({ message, highlight }) => [message, highlight])
    }
  }
  t.strictSame(
    await meanwhile(6, async () => {
      await ann.delete(`${path}/messages/6`)
      await ann.patch(`${path}/messages/5`, { message: 'another' })
      await ann.patch(`${path}/messages/4`, { message: 'a word' })
      await ann.put(`${path}/messages/3/reactions/+1`)
    }),
    [
      ['a word', 'a <mark>word</mark>'],
      ['word 2', '<mark>word</mark> 2'],
      ['word 1', '<mark>word</mark> 1'],
      ['word 0', '<mark>word</mark> 0']
    ]
  )
  t.strictSame(await meanwhile(4, () => bob.delete(`${path}/members/${bob.user.id}`)), [])
})

t.test('the parts of the index are merged', async t => {
  const server = await build(t)
  const { db } = database(server)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  // Each of these is a transaction, and adds a part.
  for (let i = 0; i < 40; i++) {
    await say(server, id, ann, [`word ${i}`])
    t.equal(await count(ann, i), 1)
  }
  const parts = db.prepare('select count(distinct segid) from messages_search_idx').pluck()
  t.ok((parts.get() as number) < 16, `${parts.get()} parts`)
  db.exec("insert into messages_search (messages_search, rank) values ('integrity-check', 1)")
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
  await until(() => lines.some(line => line.includes('work in the background stands still')))
  t.match(await ann.get(`${path}/messages`), { status: 200, body: { items: [{ message: 'hello' }] } })
})
