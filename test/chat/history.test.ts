import fc from 'fast-check'
import t from 'tap'
import { build, type Json } from '../helper.ts'
import { group, outcome } from './group.ts'

const server = await build(t)
const [ann, bob] = [await server.account('ann'), await server.account('bob')]

interface Page {
  ids: number[]
  before: boolean
  after: boolean
}

/** A chat with `count` messages, numbered from 1, and a way to ask for its pages. */
async function chatOf(count: number) {
  const { id, path } = await group(ann, [bob])
  await server.app.db.log.append(
    Array.from({ length: count }, (_, i) => ({ type: 'send', chat_id: id, user: ann.user, text: `text ${i + 1}` }))
  )
  const page = async (query: string): Promise<Page> => {
    const { status, body } = await bob.get(`${path}/messages?${query}`)
    if (status !== 200) throw new Error(`${query}: ${JSON.stringify(body)}`)
    const { items, has_more_before, has_more_after, ...rest } = body
    if (Object.keys(rest).length > 0) throw new Error(`more than a page: ${Object.keys(rest)}`)
    return { ids: items.map((item: Json) => item.id), before: has_more_before, after: has_more_after }
  }
  return { id, path, page }
}

t.test('without a place, history is its latest page', async t => {
  const { path, page } = await chatOf(60)
  const ids = Array.from({ length: 60 }, (_, i) => i + 1)
  t.strictSame(await page(''), { ids: ids.slice(10), before: true, after: false }, '50 by default')
  t.strictSame(await page('limit=1'), { ids: [60], before: true, after: false })
  t.strictSame(await page('limit=59'), { ids: ids.slice(1), before: true, after: false })
  t.strictSame(await page('limit=60'), { ids, before: false, after: false })
  t.strictSame(await page('limit=200'), { ids, before: false, after: false })
  const { items } = (await bob.get(`${path}/messages?limit=2`)).body
  t.match(items, [{ message: 'text 59', sender: { username: 'ann' } }, { message: 'text 60' }])
})

t.test('a page ends before, begins after or lies around a message', async t => {
  const { page } = await chatOf(10)
  const cases: [string, number[], boolean, boolean][] = [
    ['before=5&limit=3', [2, 3, 4], true, true],
    ['before=5&limit=4', [1, 2, 3, 4], false, true],
    ['before=1&limit=4', [], false, true],
    ['before=10&limit=1', [9], true, true],
    ['before=11&limit=2', [9, 10], true, false],
    ['before=999&limit=2', [9, 10], true, false],
    [`before=${Number.MAX_SAFE_INTEGER}&limit=1`, [10], true, false],
    ['after=5&limit=3', [6, 7, 8], true, true],
    ['after=5&limit=4', [6, 7, 8, 9], true, true],
    ['after=5&limit=5', [6, 7, 8, 9, 10], true, false],
    ['after=0&limit=2', [1, 2], false, true],
    ['after=10&limit=2', [], true, false],
    ['after=999', [], true, false],
    [`after=${Number.MAX_SAFE_INTEGER}`, [], true, false],
    ['around=5&limit=1', [5], true, true],
    ['around=5&limit=2', [4, 5], true, true],
    ['around=5&limit=3', [4, 5, 6], true, true],
    ['around=1&limit=4', [1, 2], false, true],
    ['around=10&limit=4', [8, 9, 10], true, false],
    ['around=5&limit=8', [1, 2, 3, 4, 5, 6, 7, 8], false, true],
    ['around=5', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false, false],
    ['around=999&limit=4', [9, 10], true, false]
  ]
  for (const [query, ids, before, after] of cases) t.strictSame(await page(query), { ids, before, after }, query)
})

t.test('an empty chat has an empty history', async t => {
  const { page } = await chatOf(0)
  for (const query of ['', 'before=1', 'after=0', 'around=1', 'limit=200']) {
    t.strictSame(await page(query), { ids: [], before: false, after: false }, query)
  }
})

t.test('a place or a limit that is none is refused', async t => {
  const { path } = await chatOf(1)
  const queries = [
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=ten',
    'limit=1.5',
    'limit=',
    'before=0',
    'before=-1',
    'before=x',
    'after=-1',
    'after=',
    'around=0',
    'before=9007199254740993',
    'before=1&before=2',
    'before=2&after=1',
    'before=2&around=1',
    'after=1&around=1',
    'before=2&after=0&around=1',
    'since=1'
  ]
  for (const query of queries) {
    t.equal(outcome(await bob.get(`${path}/messages?${query}`)), '400 VALIDATION_FAILED', query)
  }
})

t.test('edits and deletions take numbers, and pages step over them', async t => {
  const { path, page } = await chatOf(3)
  await ann.patch(`${path}/messages/2`, { message: 'edited' })
  await ann.delete(`${path}/messages/3`)
  await ann.post(`${path}/messages`, { message: 'text 6' })
  t.strictSame(await page(''), { ids: [1, 2, 3, 6], before: false, after: false })
  t.strictSame(await page('after=3&limit=1'), { ids: [6], before: true, after: false })
  t.strictSame(await page('before=6&limit=1'), { ids: [3], before: true, after: true })
  t.strictSame(await page('around=5&limit=2'), { ids: [3, 6], before: true, after: false })
  t.strictSame(await page('after=4&limit=1'), { ids: [6], before: true, after: false })
  const { items } = (await bob.get(`${path}/messages`)).body
  t.match(items, [
    { id: 1, seq: 1, message: 'text 1' },
    { id: 2, seq: 4, message: 'edited', edited_at: /Z$/ },
    { id: 3, seq: 5, message: undefined, deleted_at: /Z$/ },
    { id: 6, seq: 6, message: 'text 6' }
  ])
})

t.test('pages read forward and backward give the same whole history, whatever happened in it', async t => {
  const operation = fc.record({ what: fc.constantFrom('send', 'send', 'edit', 'delete'), at: fc.nat() })
  const histories = fc.array(operation, { maxLength: 40 })

  await fc.assert(
    fc.asyncProperty(histories, fc.integer({ min: 1, max: 9 }), async (operations, limit) => {
      const { id, path, page } = await chatOf(0)
      const expected: { id: number; text: string | undefined }[] = []
      let seq = 0
      for (const { what, at } of operations) {
        const target = expected[at % Math.max(expected.length, 1)]
        const change = { chat_id: id, user: ann.user }
        const text = `${what} ${seq}`
        if (what === 'send' || !target) {
          await server.app.db.log.append([{ ...change, type: 'send', text }])
          expected.push({ id: ++seq, text })
        } else if (target.text !== undefined) {
          await server.app.db.log.append([
            what === 'edit'
              ? { ...change, type: 'edit', id: target.id, text }
              : { ...change, type: 'delete', id: target.id }
          ])
          target.text = what === 'edit' ? text : undefined
          seq++
        }
      }
      const ids = expected.map(message => message.id)
      const forward: number[] = []
      for (let more = true; more; ) {
        const next = await page(`limit=${limit}&after=${forward.at(-1) ?? 0}`)
        if (next.before !== forward.length > 0) return false
        forward.push(...next.ids)
        more = next.after
      }
      const backward: number[] = []
      for (let more = true; more; ) {
        const next = await page(`limit=${limit}${backward.length > 0 ? `&before=${backward[0]}` : ''}`)
        if (next.after !== backward.length > 0) return false
        backward.unshift(...next.ids)
        more = next.before
      }
      const whole = (await bob.get(`${path}/messages?limit=200`)).body.items
      t.strictSame([forward, backward], [ids, ids])
      t.strictSame(
        whole.map(({ id, message }: Json) => ({ id, text: message })),
        expected
      )
      return t.passing()
    }),
    { numRuns: 30 }
  )
})

t.test('a page that was asked for before shows what has changed since', async t => {
  const { path } = await chatOf(2)
  const page = async () => (await bob.get(`${path}/messages?limit=10`)).body.items
  const before = await page()
  t.strictSame(await page(), before)
  await ann.patch(`${path}/messages/1`, { message: 'Edited' })
  t.match(await page(), [{ id: 1, message: 'Edited' }, { id: 2 }])
  await bob.put(`${path}/messages/2/reactions/%F0%9F%91%8D`)
  t.match(await page(), [{ id: 1 }, { id: 2, reactions: [{ emoji: '👍', user_ids: [bob.user.id] }] }])
  await ann.delete(`${path}/messages/1`)
  const [gone] = await page()
  t.type(gone.deleted_at, 'string')
  t.notOk('message' in gone)
  await ann.post(`${path}/messages`, { message: 'New' })
  t.equal((await page()).length, 3)
})
