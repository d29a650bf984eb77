import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { highlighter } from '../../src/db/search/highlight.ts'
import { phrases } from '../../src/db/search/terms.ts'
import { build } from '../helper.ts'
import { find, found, marked } from '../search.ts'

/** What a query finds, told from its text in the plainest way. */
function plainMarks(text: string, query: string): string | undefined {
  const words = [...text.matchAll(/[a-z]+/g)].map(({ 0: word, index }) => ({
    word,
    start: index,
    end: index + word.length
  }))
  const asked = query.split(' ').map(phrase => phrase.split('-'))
  const marked = new Set<number>()
  for (const [i, phrase] of asked.entries()) {
    const open = i === asked.length - 1
    const here = words.flatMap((_, at) => {
      const stands = phrase.every((word, j) => {
        const other = words[at + j]?.word
        return open && j === phrase.length - 1 ? other?.startsWith(word) : other === word
      })
      return stands ? [[words[at]?.start as number, words[at + phrase.length - 1]?.end as number] as const] : []
    })
    if (here.length === 0) return undefined
    for (const [start, end] of here) for (let at = start; at < end; at++) marked.add(at)
  }
  return [...text]
    .map((c, at) => (marked.has(at) ? `<mark>${c}</mark>` : c))
    .join('')
    .replaceAll('</mark><mark>', '')
}

t.test('any phrases are found and marked', async () => {
  const word = fc.stringMatching(/^[ab]{1,2}$/)
  const phrase = fc.array(word, { minLength: 1, maxLength: 4 }).map(words => words.join('-'))
  const query = fc.array(phrase, { minLength: 1, maxLength: 4 }).map(phrases => phrases.join(' '))
  const text = fc.array(word, { minLength: 1, maxLength: 12 }).map(words => words.join('.'))
  fc.assert(
    fc.property(text, query, (text, query) => highlighter(phrases(query))(text) === plainMarks(text, query)),
    { numRuns: 3000 }
  )
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
      // What fails is thrown, so that it is shown with the text that it fails for.
      for (const query of [part.toUpperCase(), part.normalize('NFD')]) {
        deepStrictEqual(await found(ann, query, `&chat_id=${chat.id}`), [text])
      }
    }),
    { numRuns: 100 }
  )
})
