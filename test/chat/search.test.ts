import { readFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { build, type Client, type Json, type Server } from '../helper.ts'

async function find(client: Client, query: string, more = ''): Promise<Json> {
  const reply = await client.get(`/search?query=${encodeURIComponent(query)}${more}`)
  if (reply.status !== 200) throw new Error(`${query}: ${JSON.stringify(reply.body)}`)
  return reply.body
}

const found = async (client: Client, query: string, more = '') =>
  (await find(client, query, more)).items.map(({ message }: Json) => message)

const marked = async (client: Client, query: string) =>
  (await find(client, query)).items.map(({ highlight }: Json) => highlight)

/** The database from outside. */
function database(server: Server) {
  const file = String(server.settings['DATABASE_URL']).slice('sqlite:///'.length)
  const db = new Sqlite(file)
  server.t.teardown(() => db.close())
  return { file, db }
}

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

t.test('case, accents and scripts', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const finds: [string, string, string][] = [
    ['Crème brûlée', 'BRULEE', 'Crème <mark>brûlée</mark>'],
    ['Cre\u0300me fouette\u0301e', 'fouettée', 'Cre\u0300me <mark>fouette\u0301e</mark>'],
    ['naive', 'naïve', '<mark>naive</mark>'],
    ['Große Straße', 'STRASSE', 'Große <mark>Straße</mark>'],
    ['ΟΔΟΣ', 'οδος', '<mark>ΟΔΟΣ</mark>'],
    ['Vie\u0323\u0302t Nam', 'việt', '<mark>Vie\u0323\u0302t</mark> Nam'],
    ['Ёлка', 'елк', '<mark>Ёлка</mark>'],
    ['ＦＵＬＬ width', 'full', '<mark>ＦＵＬＬ</mark> width'],
    ['I moved to 東京都 in May', '東京', 'I moved to <mark>東京</mark>都 in May'],
    ['今日は寒い', '寒', '今日は<mark>寒</mark>い'],
    ['カラオケ行く？', 'ｵｹ', 'カラ<mark>オケ</mark>行く？'],
    ['ガム', 'ｶﾞ', '<mark>ガ</mark>ム'],
    ['안녕하세요', '녕하', '안<mark>녕하</mark>세요'],
    ['\u1112\u1161\u11ab\u1100\u116e\u11a8', '한국', '<mark>\u1112\u1161\u11ab\u1100\u116e\u11a8</mark>'],
    ['नमस्ते दुनिया', 'दुनिया', 'नमस्ते <mark>दुनिया</mark>'],
    ['مرحبا بالعالم', 'مرحبا', '<mark>مرحبا</mark> بالعالم'],
    ['see foo-bar.example', 'foo-bar', 'see <mark>foo-bar</mark>.example'],
    ["don't", "don't", '<mark>don&#39;t</mark>']
  ]
  for (const [message, query, expected] of finds) {
    await ann.post(`${path}/messages`, { message })
    t.strictSame(await marked(ann, query), [expected], `${query} in ${message}`)
  }
  t.strictSame(await found(ann, '京東'), [], 'in another order')
  t.strictSame(await found(ann, 'bar-foo'), [])
})

t.test('the highlight is safe HTML', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  await ann.post(`${path}/messages`, { message: '<script>alert("mark")</script> & <b>mark</b> ab ab-ab' })
  t.strictSame(await marked(ann, 'mark'), [
    '&lt;script&gt;alert(&quot;<mark>mark</mark>&quot;)&lt;/script&gt; &amp; &lt;b&gt;<mark>mark</mark>&lt;/b&gt; ab ab-ab'
  ])
  await ann.post(`${path}/messages`, { message: 'x.y.z y.z.w' })
  t.strictSame(await marked(ann, 'x.y y.z z'), ['<mark>x.y.z</mark> <mark>y.z</mark>.w'], 'overlapping marks are one')
})

t.test('any string as a query', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  await ann.post(`${path}/messages`, { message: 'AND OR NOT NEAR text chat a b c 1 東 👍' })
  const queries = [
    '"',
    '""',
    "'",
    '*',
    'a*',
    '-a',
    'a:b',
    '(',
    ')',
    'a AND',
    'NEAR(a b)',
    'NOT',
    '^a',
    '{a}',
    'text:a',
    '\\',
    '%',
    '+'
  ]
  for (const query of queries) t.ok(await find(ann, query), query)
  for (const query of ['"', '👍', '👩🏽‍❤️‍💋‍👨🏻', ' ', '\u0000', '\u0301', '…', '*']) {
    t.strictSame(await find(ann, query), { items: [] }, `${JSON.stringify(query)} has no words`)
  }
  t.strictSame(
    await found(ann, 'near ( AND text"'),
    ['AND OR NOT NEAR text chat a b c 1 東 👍'],
    'all words, no operators'
  )
  t.ok(await find(ann, 'a '.repeat(100)))
  t.ok(await find(ann, 'ab'.repeat(100)))
  t.ok(await find(ann, 'a.b.'.repeat(50)))
  t.ok(await find(ann, '東'.repeat(200)))
  for (const query of ['', 'a'.repeat(201)]) {
    t.match(await ann.get(`/search?query=${query}`), { status: 400, body: { code: 'VALIDATION_FAILED' } })
  }

  const unit = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom(...'"*:-()^{}+ \'aàÀ東か가<>&') })
  )
  await fc.assert(
    fc.asyncProperty(unit, unit, async (message, query) => {
      const safe = message.replaceAll('\0', '')
      if (safe) await ann.post(`${path}/messages`, { message: safe })
      const reply = await ann.get(`/search?query=${encodeURIComponent(query)}&limit=5`)
      t.ok(reply.status === 200 || (reply.status === 400 && query === ''), `${reply.status}`)
      for (const { message, highlight } of reply.body.items ?? []) {
        const bare = highlight.replaceAll(/<mark>(.*?)<\/mark>/gs, '$1')
        t.notMatch(bare, /[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/)
        t.equal(plain(bare), message)
        t.ok(highlight.includes('<mark>'), 'what was found is marked')
      }
    }),
    { numRuns: 300 }
  )
})

function plain(html: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }
  return html.replaceAll(/&(.+?);/g, (_, name) => characters[name] as string)
}

t.test('any word of any text finds it', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
  await fc.assert(
    fc.asyncProperty(text, fc.nat(), async (text, seed) => {
      const parts = text.split(/[\s\p{P}\p{S}\p{C}]+/u).filter(part => /^[\p{L}\p{N}]/u.test(part))
      const part = parts[seed % parts.length]
      fc.pre(part !== undefined && !text.includes('\0'))
      const { body: chat } = await ann.post('/chats', { title: 'One text' })
      await ann.post(`/chats/${chat.id}/messages`, { message: text })
      t.strictSame(await found(ann, part.toUpperCase(), `&chat_id=${chat.id}`), [text])
      t.strictSame(await found(ann, part.normalize('NFD'), `&chat_id=${chat.id}`), [text])
    }),
    { numRuns: 100 }
  )
})

t.test('edited and deleted text is found no more, and is gone from the file', async t => {
  const server = await build(t)
  const chat = await server.chat('ann')
  const { path } = chat
  const [ann] = chat.people
  const { db, file } = database(server)
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
  const { db } = database(server)
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
  const { db } = database(server)
  const second = (await ann.post('/chats', { title: 'Two' })).body.id
  await ann.post(`${chat.path}/messages`, { message: 'word old' })
  await new Promise(resolve => setTimeout(resolve, 5))
  for (const message of ['word 1', 'word 2', 'word 3']) await ann.post(`/chats/${second}/messages`, { message })
  t.strictSame(await found(ann, 'word', '&limit=2'), ['word 3', 'word 2'])
  t.strictSame(db.prepare('select chat_id from search_cursors').pluck().all(), [second])
  t.strictSame(await found(ann, 'word'), ['word 3', 'word 2', 'word 1', 'word old'])
})
