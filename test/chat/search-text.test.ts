import fc from 'fast-check'
import t from 'tap'
import { build } from '../helper.ts'
import { find, found, marked } from '../search.ts'

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
    { numRuns: 100 }
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
