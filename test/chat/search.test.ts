import { readFileSync } from 'node:fs'
import t from 'tap'
import { build, type Json } from '../helper.ts'
import { find, found } from '../search.ts'
import { laterTime } from '../until.ts'

t.test('finds messages by all of the words, newest first', async t => {
  const server = await build(t)
  const chat = await server.chat('ann', 'bob')
  const [ann, bob] = chat.people
  for (const message of ['Lunch on Friday?', 'Friday is fine', 'lunch lunch lunch', 'FRIDAY: LUNCH!']) {
    await ann.post(`${chat.path}/messages`, { message })
  }
  t.strictSame(await found(bob, 'friday lunch'), ['FRIDAY: LUNCH!', 'Lunch on Friday?'])
  t.strictSame(await found(bob, 'friday lun'), ['FRIDAY: LUNCH!', 'Lunch on Friday?'], 'the last word may go on')
  t.strictSame(await found(bob, 'fri lunch'), [], 'others may not')
  t.strictSame(await found(bob, 'f'), ['FRIDAY: LUNCH!', 'Friday is fine', 'Lunch on Friday?'])
  await bob.put(`${chat.path}/messages/2/reactions/+1`)
  const { items } = await find(bob, 'fine')
  const stored = (await bob.get(`${chat.path}/messages/2`)).body
  t.strictSame(items, [{ ...stored, highlight: 'Friday is <mark>fine</mark>' }], 'the whole message, as it now is')
  await ann.post(`${chat.path}/messages`, { message: 'fine again' })
  t.strictSame(await found(bob, 'fine'), ['fine again', 'Friday is fine'], 'a reaction does not add it twice')
})

t.test('edited and deleted text is found no more, and is gone from the file', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const { path } = chat
  const [ann] = chat.people
  const { file } = server
  const db = server.database()
  await ann.post(`${path}/messages`, { message: 'the zanzibarine secret' })
  await ann.post(`${path}/messages`, { message: 'a quixotically kept one' })
  for (let i = 0; i < 50; i++) await ann.post(`${path}/messages`, { message: `filler ${i}` })
  t.strictSame(await found(ann, 'zanzibarine'), ['the zanzibarine secret'])
  t.strictSame(await found(ann, 'quixotically'), ['a quixotically kept one'])
  await ann.patch(`${path}/messages/1`, { message: 'the open secret' })
  await ann.delete(`${path}/messages/2`)
  const indexed = db.prepare('select count(*) from messages_search where messages_search match ?').pluck()
  t.equal(indexed.get('zanzibarine OR quixotically'), 0, 'at once, before the index catches up')
  t.strictSame(await found(ann, 'zanzibarine'), [])
  t.strictSame(await found(ann, 'quixotically'), [])
  t.strictSame(await found(ann, 'secret'), ['the open secret'])
  db.pragma('wal_checkpoint(truncate)')
  t.notMatch(readFileSync(file, 'latin1'), /zanzibarine|quixotically/)
  t.match(readFileSync(file, 'latin1'), /the open secret/)
  db.exec("insert into messages_search (messages_search, rank) values ('integrity-check', 1)")
})

t.test('only what one may read', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const eve = await server.account('eve')
  await ann.post(`${path}/messages`, { message: 'between us' })
  const own = (await eve.post('/chats', { title: 'Mine' })).body.id
  await eve.post(`/chats/${own}/messages`, { message: 'between me and me' })
  t.strictSame(await found(bob, 'between'), ['between us'])
  t.strictSame(await found(eve, 'between'), ['between me and me'])
  t.strictSame(await found(bob, 'between', `&chat_id=${id}`), ['between us'])
  t.match(await server.stranger().get('/search?query=between'), { status: 401 })
  t.match(await eve.get(`/search?query=between&chat_id=${id}`), { status: 404, body: { code: 'CHAT_NOT_FOUND' } })
  await ann.patch(path, { visibility: 'public' })
  t.match(await eve.get(`/search?query=between&chat_id=${id}`), { status: 403, body: { code: 'NOT_A_MEMBER' } })
  await bob.delete(`${path}/members/${bob.user.id}`)
  t.strictSame(await found(bob, 'between'), [], 'not after leaving')
  await bob.post(`${path}/join`)
  t.strictSame(await found(bob, 'between'), ['between us'], 'again after coming back')
})

t.test('page by page through several chats', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  const ids = [chat.id]
  for (const title of ['Two', 'Three']) ids.push((await ann.post('/chats', { title })).body.id)
  const db = server.database()
  // Times that several messages share, in one chat and between chats.
  const message = db.prepare(
    "insert into messages (chat_id, id, seq, kind, sender_id, text, created_at) values (?, ?, ?, 'text', ?, ?, ?)"
  )
  const expected: string[] = []
  db.transaction(() => {
    for (let i = 1; i <= 30; i++) {
      for (const id of ids) {
        const created_at = 1000 + Math.floor((i * (id + 1)) / 4)
        message.run(
          id,
          i,
          i,
          ann.user.id,
          `word ${String(created_at).padStart(6)} ${id} ${String(i).padStart(3)}`,
          created_at
        )
        expected.push(`word ${String(created_at).padStart(6)} ${id} ${String(i).padStart(3)}`)
      }
    }
    for (const id of ids) db.prepare('update chats set seq = 40, updated_at = 2000 where id = ?').run(id)
  })()
  expected.sort().reverse()
  for (const limit of [1, 7, 50, 200]) {
    const got: string[] = []
    let cursor = ''
    do {
      const page = await find(ann, 'wo', `&limit=${limit}${cursor}`)
      got.push(...page.items.map(({ message }: Json) => message))
      cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : ''
    } while (cursor)
    t.strictSame(got, expected, `pages of ${limit}`)
  }
  const bad = Buffer.from('[1]').toString('base64url')
  t.match(await ann.get(`/search?query=a&cursor=${bad}`), { status: 400, body: { code: 'INVALID_CURSOR' } })
  for (const key of [
    [1e300, 1e300, 1e300],
    [5000, ids[0], 1e300],
    [0, 0, 0],
    [-1e300, -5, -5],
    [1005.5, 1.5, 1.5]
  ]) {
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url')
    t.match(await ann.get(`/search?query=wo&cursor=${cursor}`), { status: 200 }, JSON.stringify(key))
  }
})

t.test('chats that cannot have anything newer are left alone', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const [ann] = chat.people
  const second = (await ann.post('/chats', { title: 'Two' })).body.id
  await ann.post(`${chat.path}/messages`, { message: 'word old' })
  await laterTime()
  for (const message of ['word 1', 'word 2', 'word 3']) await ann.post(`/chats/${second}/messages`, { message })
  t.strictSame(await found(ann, 'word', '&limit=2'), ['word 3', 'word 2'])
  t.strictSame(await server.sql('select chat_id from search_cursors'), [{ chat_id: second }])
  t.strictSame(await found(ann, 'word'), ['word 3', 'word 2', 'word 1', 'word old'])
})

t.test('with limits, nobody searches more than 100 times in 10 s', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const replies = await Promise.all(Array.from({ length: 110 }, () => ann.get('/search?query=word')))
  const refused = replies.filter(({ status }) => status === 429)
  t.equal(refused.length, 10)
  t.match(refused[0], { body: { code: 'RATE_LIMITED' } })
  t.ok(refused[0]?.headers.get('retry-after'))
  const heads = await Promise.all(
    Array.from({ length: 110 }, () =>
      fetch(`${server.url}/search?query=word`, { method: 'HEAD', headers: { cookie: ann.cookie } })
    )
  )
  t.equal(heads.filter(({ status }) => status === 429).length, 10, 'HEAD is no way around it')
  t.equal((await ann.get(path)).status, 200, 'reading goes on')
  t.equal((await bob.get('/search?query=word')).status, 200, 'so do others')
})
