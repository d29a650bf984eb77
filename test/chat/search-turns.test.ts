import t from 'tap'
import { SearchScheduler, type Work } from '../../src/chat/routes/search-scheduler.ts'
import { build, type Client, type Server } from '../helper.ts'
import { find, found } from '../search.ts'
import { until } from '../until.ts'

/** Sends many messages at once. */
async function say(server: Server, chat_id: number, { user }: Client, texts: string[]): Promise<void> {
  for (let i = 0; i < texts.length; i += 1000) {
    await server.app.db.log.append(
      texts.slice(i, i + 1000).map(text => ({ type: 'send' as const, chat_id, user, text }))
    )
  }
}

/** Has every chat go through all its matches: one message has a later time than those after it. */
async function disorder(server: Server): Promise<void> {
  await server.sql('update messages set created_at = created_at + 3600000 where id = 1')
}

/** Makes an account a member of so many chats. */
async function emptyChats(server: Server, { user }: Client, count: number): Promise<void> {
  const [{ most }] = await server.sql('select max(id) as most from chats')
  await server.sql(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
    insert into chats (kind, visibility, title, created_by, created_at, updated_at)
    select 'group', 'private', 'Empty', ${user.id}, 0, 0 from n`
  )
  await server.sql(
    `insert into members (chat_id, user_id, role, joined_at)
    select id, ${user.id}, 'owner', 0 from chats where id > ${most}`
  )
}

/** How many requests, one after the other, are answered before something is done. */
async function answeredDuring(client: Client, something: Promise<unknown>): Promise<number> {
  let done = false
  const end = () => {
    done = true
  }
  something.then(end, end)
  let answered = 0
  for (; !done; answered++) await client.get('/health/live')
  await something
  return answered
}

/** Counts the pieces of work of all searches from now on. */
function countPieces(server: Server): { pieces: number } {
  const counted = { pieces: 0 }
  const { search } = server.app.db
  const find = search.find
  // Not an async function: it returns a generator.
  search.find = (...args) => {
    const work = find(...args)
    const next = work.next
    work.next = () => {
      counted.pieces++
      return next.call(work)
    }
    return work
  }
  return counted
}

t.test('others are answered while a search goes through all that it has to go through', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const texts = Array.from({ length: 15_000 }, (_, i) => `needle ${i % 2 ? 'odd' : 'even'} number ${i}`)
  await say(server, id, ann, texts)
  const enough = 3
  t.ok((await answeredDuring(bob, find(ann, 'needle'))) > enough, 'messages that are not indexed')
  t.ok((await answeredDuring(bob, found(ann, 'odd even number'))) > enough, 'words that are never together')
  await disorder(server)
  const asked = find(ann, 'needle', '&limit=200')
  t.ok((await answeredDuring(bob, asked)) > enough, 'matches')
  const { items } = await asked
  t.equal(items.length, 200)
  t.equal(items[0].id, 1, 'the newest of all is the first')
  t.ok((await answeredDuring(bob, find(ann, 'need'))) > enough, 'words of some beginning')

  const cas = await server.account('cas')
  await emptyChats(server, cas, 2000)
  t.ok((await answeredDuring(bob, find(cas, 'needle'))) > enough, 'chats')
})

t.test('a search ends when its client has gone', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await ann.post(`${path}/messages`, { message: 'needle' })
  await emptyChats(server, ann, 5000)
  const counted = countPieces(server)
  await find(ann, 'needle')
  const all = counted.pieces
  t.ok(all > 5000)

  counted.pieces = 0
  const leaving = new AbortController()
  const ask = () =>
    t.rejects(fetch(`${server.url}/search?query=needle`, { headers: { cookie: ann.cookie }, signal: leaving.signal }), {
      name: 'AbortError'
    })
  // One that runs and one that waits.
  const left = [ask(), ask()]
  while (counted.pieces === 0) await bob.get('/health/live')
  await bob.get('/health/live')
  leaving.abort()
  await Promise.all(left)
  for (let i = 0; i < 5; i++) await bob.get('/health/live')
  const { pieces } = counted
  t.ok(pieces < all, `${pieces} of ${all}`)
  for (let i = 0; i < 20; i++) await bob.get('/health/live')
  t.equal(counted.pieces, pieces, 'nothing goes on')
  t.strictSame(await found(bob, 'needle', '&limit=1'), ['needle'])
  t.strictSame(await found(ann, 'needle', '&limit=1'), ['needle'])
})

t.test('the searches of one account wait for each other, and not those of others', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await say(server, id, ann, Array(3000).fill('needle'))
  await disorder(server)
  await find(ann, 'needle')
  let done = 0
  const anns = Array.from({ length: 20 }, async () => {
    await find(ann, 'needle')
    done++
  })
  while (done === 0) await bob.get('/health/live')
  const before = done
  await find(bob, 'needle')
  t.ok(done - before < 10, `${done - before} of the others came first`)
  await Promise.all(anns)
})

t.test('of an account, at most 100 searches wait', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await ann.post(`${path}/messages`, { message: 'needle' })
  // The first one waits for the lock, to index the message.
  const other = server.database()
  other.exec('begin immediate')
  const refused: Awaited<ReturnType<Client['get']>>[] = []
  const { promise: all, resolve } = Promise.withResolvers<void>()
  const asked = Array.from({ length: 150 }, async () => {
    const reply = await ann.get('/search?query=needle')
    if (reply.status !== 200 && refused.push(reply) === 49) resolve()
    return reply.status
  })
  await all
  for (const reply of refused) t.match(reply, { status: 429, body: { code: 'RATE_LIMITED' } })
  t.ok(Number(refused[0]?.headers.get('retry-after')) > 0)
  other.exec('rollback')
  t.strictSame(await found(bob, 'needle'), ['needle'])
  t.equal((await Promise.all(asked)).filter(status => status === 200).length, 101)
})

/** Work of an account that ends when it is told to, and notes when it begins. */
function held(began: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  async function* work(): Work<string> {
    began.push(name)
    yield
    await promise
    return name
  }
  return { work: work(), end: resolve }
}

t.test('accounts take turns, and the searches that wait are bounded', async t => {
  const searches = new SearchScheduler()
  const began: string[] = []
  const { signal } = new AbortController()
  const first = Array.from({ length: 8 }, (_, i) => ({ account: i, ...held(began, `first of ${i}`) }))
  const running = first.map(({ account, work }) => searches.run(account, work, signal))
  const second = held(began, 'second of 0')
  const later = searches.run(0, second.work, signal)
  const ninth = held(began, 'first of 8')
  const other = searches.run(8, ninth.work, signal)
  await until(() => began.length >= 8)
  first[0]?.end()
  t.equal(await running[0], 'first of 0')
  await until(() => began.length >= 9)
  t.equal(began[8], 'first of 8', 'another account comes before the same again')

  const all: Promise<unknown>[] = []
  for (let i = 0; i < 999; i++) all.push(searches.run(10 + (i % 20), held(began, 'more').work, signal))
  await t.rejects(searches.run(50, held(began, 'one too many').work, signal), { code: 'OVERLOADED', retryAfter: 1 })
  for (const { end } of [...first, ninth, second]) end()
  t.strictSame(await Promise.all([...running, other, later]), [
    ...Array.from({ length: 8 }, (_, i) => `first of ${i}`),
    'first of 8',
    'second of 0'
  ])
})

t.test('a search that fails makes room for the next', async t => {
  const searches = new SearchScheduler()
  const { signal } = new AbortController()
  // biome-ignore lint/correctness/useYield: it fails at its first piece
  async function* failing(): Work<string> {
    throw new Error('broken')
  }
  await t.rejects(searches.run(1, failing(), signal), { message: 'broken' })
  const next = held([], 'next')
  next.end()
  t.equal(await searches.run(1, next.work, signal), 'next')
})
