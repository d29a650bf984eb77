import fc from 'fast-check'
import t from 'tap'
import { changesQuery } from '../../src/db/sqlite/changes-query.ts'
import { build, type Json } from '../helper.ts'

const texts = (items: Json[]) => items.map(({ id, seq, message }) => [id, seq, message])

t.test('the log over HTTP: each message once, as it now is, in the order of its latest change', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const { epoch } = (await bob.get(path)).body
  t.match(epoch, /^[\w-]{22}$/)
  t.strictSame((await bob.get(`${path}/changes`)).body, { items: [], seq: 0, epoch, has_more: false })
  for (const message of ['one', 'two', 'three']) await ann.post(`${path}/messages`, { message })
  await ann.patch(`${path}/messages/1`, { message: 'uno' })
  await ann.delete(`${path}/messages/2`)
  await ann.patch(`${path}/messages/1`, { message: 'eins' })

  const all = await bob.get(`${path}/changes?after=0`)
  t.strictSame(texts(all.body.items), [
    [3, 3, 'three'],
    [2, 5, undefined],
    [1, 6, 'eins']
  ])
  t.match(all.body, { seq: 6, has_more: false })
  t.strictSame(all.body.items[2], (await bob.get(`${path}/messages/1`)).body)
  t.strictSame((await bob.get(`${path}/changes?after=6`)).body, { items: [], seq: 6, epoch, has_more: false })
  t.strictSame((await bob.get(`${path}/changes?after=9`)).body, { items: [], seq: 6, epoch, has_more: false })

  const page = await bob.get(`${path}/changes?after=0&limit=2`)
  t.strictSame(texts(page.body.items), texts(all.body.items.slice(0, 2)))
  t.match(page.body, { seq: 5, has_more: true })
  t.match((await bob.get(`${path}/changes?after=5&limit=1`)).body, { items: [{ id: 1 }], seq: 6, has_more: false })
  await ann.delete(`${path}/messages/1`)
  t.match((await bob.get(`${path}/changes?after=6&limit=1`)).body, { seq: 7, has_more: false })
})

t.test('any log, read in any pages, gives what there is', async t => {
  const server = await build(t)
  const { messages, log } = server.app.db
  const ann = await server.account('ann')
  const change = fc.oneof(
    fc.record({ type: fc.constant('send' as const), text: fc.string({ minLength: 1 }) }),
    fc.record({ type: fc.constant('edit' as const), id: fc.integer({ min: 1, max: 30 }), text: fc.string() }),
    fc.record({
      type: fc.constant('delete' as const),
      id: fc.integer({ min: 1, max: 30 }),
      anybodys: fc.constant(true)
    }),
    fc.record({ type: fc.constant('react' as const), id: fc.integer({ min: 1, max: 30 }), emoji: fc.constant('👍') })
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 60 }),
      fc.integer({ min: 1, max: 7 }),
      fc.nat({ max: 40 }),
      async (changes, limit, after) => {
        const chat_id: number = (await ann.post('/chats', { title: 'Log' })).body.id
        await log.append(changes.map(asked => ({ ...asked, chat_id, user: ann.user })))
        const { items: history } = await messages.history(chat_id, { limit: 200 })
        const expected = history.filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq)
        const head = (await messages.head(chat_id)) as number
        const got: Json[] = []
        let page = { seq: after, has_more: true, items: [] as Json[] }
        while (page.has_more) {
          page = (await ann.get(`/chats/${chat_id}/changes?after=${page.seq}&limit=${limit}`)).body
          t.ok(page.items.length <= limit)
          got.push(...page.items)
        }
        t.strictSame(got, expected)
        t.equal(page.seq, head)
      }
    ),
    { numRuns: 60 }
  )
})

t.test('what sockets catch up from', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const { messages } = server.app.db
  for (const message of ['one', 'two', 'three', 'four']) await ann.post(`${path}/messages`, { message })
  await ann.delete(`${path}/messages/2`)
  await ann.patch(`${path}/messages/3`, { message: 'drei' })
  t.equal(await messages.head(id), 6)
  t.equal(await messages.head(999), 0)
  t.strictSame(texts(await messages.changes(id, 1, 5, 10)), [
    [4, 4, 'four'],
    [2, 5, undefined]
  ])
  t.strictSame(texts(await messages.created(id, 1, 4, 10)), [
    [3, 6, 'drei'],
    [4, 4, 'four']
  ])
  t.strictSame(texts(await messages.created(id, 0, 4, 2)), [
    [1, 1, 'one'],
    [3, 6, 'drei']
  ])
})

t.test('both halves go by their index', async t => {
  const server = await build(t)
  const plan = server
    .database()
    .prepare<unknown[], { detail: string }>(`explain query plan ${changesQuery('m.id, m.seq')}`)
    .all({ chat_id: 1, after: 0, until: 9, limit: 5 })
    .map(({ detail }) => detail)
  t.ok(plan.includes('SEARCH m USING INDEX sqlite_autoindex_messages_1 (chat_id=? AND id>? AND id<?)'), plan.join('; '))
  t.ok(plan.includes('SEARCH m USING INDEX messages_changed (chat_id=? AND seq>? AND seq<?)'))
  const scans = plan.filter(step => step.startsWith('SCAN'))
  t.ok(
    scans.every(step => step.startsWith('SCAN (subquery')),
    'only the two limited halves are read whole'
  )
})

t.test('members only; bad numbers are refused', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const eve = await server.account('eve')
  t.match(await server.stranger().get(`${path}/changes`), { status: 401 })
  t.match(await eve.get(`${path}/changes`), { status: 404 })
  await ann.patch(path, { visibility: 'public' })
  t.match(await eve.get(`${path}/changes`), { status: 403, body: { code: 'NOT_A_MEMBER' } })
  for (const query of ['after=-1', 'after=x', 'after=1.5', 'limit=0', 'limit=501', 'before=1', 'after=1&after=2']) {
    t.match(await ann.get(`${path}/changes?${query}`), { status: 400, body: { code: 'VALIDATION_FAILED' } }, query)
  }
})
