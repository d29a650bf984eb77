import fc from 'fast-check'
import t from 'tap'
import { build, type Client, type Json, type Server } from '../helper.ts'
import { find } from '../search.ts'

type Key = [created_at: number, chat_id: number, id: number]

/** The database from outside. */
function database(server: Server) {
  const db = server.database()
  const insert = db.prepare(
    "insert into messages (chat_id, id, seq, kind, sender_id, text, created_at) values (?, ?, ?, 'text', ?, ?, ?)"
  )
  const grow = db.prepare('update chats set seq = ?, updated_at = ? where id = ?')
  return {
    /** Adds messages of these times to a chat in which `before` numbers are taken, as another program would. */
    add: db.transaction((chat_id: number, user_id: number, before: number, times: number[], text = 'word') => {
      for (const [i, time] of times.entries()) {
        const id = before + i + 1
        insert.run(chat_id, id, id, user_id, text, time)
      }
      grow.run(before + times.length, Math.min(...times), chat_id)
    })
  }
}

/** All pages, until there is no more, as the keys of what is on them. */
async function pages(client: Client, query: string, limit: number): Promise<Key[]> {
  const got: Key[] = []
  for (let cursor = ''; ; ) {
    const page = await find(client, query, `&limit=${limit}${cursor}`)
    got.push(...page.items.map((item: Json): Key => [Date.parse(item.created_at), item.chat_id, item.id]))
    if (!page.next_cursor) return got
    if (got.length > 1000) throw new Error('the pages do not end')
    cursor = `&cursor=${page.next_cursor}`
  }
}

const newestFirst = (a: Key, b: Key) => b[0] - a[0] || b[1] - a[1] || b[2] - a[2]

t.test('pages have everything once, newest first, and end, whatever the times', async t => {
  const server = await build(t)
  const { add } = database(server)
  const time = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1e12 }))
  const times = fc.array(time, { minLength: 1, maxLength: 8 })
  const ascending = times.map(all => all.sort((a, b) => a - b))
  let names = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.oneof(times, ascending), fc.oneof(times, ascending), fc.nat(11), time), {
        minLength: 1,
        maxLength: 3
      }),
      fc.integer({ min: 1, max: 8 }),
      async (chats, limit) => {
        const ann = await server.account(`ann${++names}`)
        const all: Key[] = []
        for (const [first, more, edited, moved] of chats) {
          const { id: chat_id } = (await ann.post('/chats', { title: 'Chat' })).body
          add(chat_id, ann.user.id, 0, first)
          // Some of it is indexed when the rest comes.
          if (edited % 2 === 0) await find(ann, 'word')
          add(chat_id, ann.user.id, first.length, more)
          const of = [...first, ...more]
          const id = (edited % of.length) + 1
          await ann.patch(`/chats/${chat_id}/messages/${id}`, { message: 'word again' })
          if (edited % 3 === 0) {
            await find(ann, 'word')
            of[id - 1] = moved
            await server.sql('update messages set created_at = ? where chat_id = ? and id = ?', moved, chat_id, id)
          }
          all.push(...of.map((created_at, i): Key => [created_at, chat_id, i + 1]))
        }
        t.strictSame(await pages(ann, 'wo', limit), all.sort(newestFirst))
      }
    ),
    { numRuns: 30 }
  )
})

t.test('after an hour in which the clock was an hour ahead', async t => {
  const server = await build(t)
  const { add } = database(server)
  const { id: first, people } = await server.chat('ann')
  const [ann] = people
  const { id: second } = (await ann.post('/chats', { title: 'Another' })).body
  const hour = 3_600_000
  const minutes = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i * 60_000)
  add(first, ann.user.id, 0, minutes(2 * hour, 10))
  add(first, ann.user.id, 10, minutes(hour, 10))
  add(second, ann.user.id, 0, minutes(hour + 5, 5))
  const expected = (await find(ann, 'word', '&limit=200')).items.map((item: Json) => [item.chat_id, item.id])
  t.equal(expected.length, 25)
  for (const limit of [1, 2, 3, 7, 24, 25]) {
    const got = await pages(ann, 'word', limit)
    t.strictSame(
      got.map(([, chat_id, id]) => [chat_id, id]),
      expected,
      `pages of ${limit}`
    )
  }
  t.strictSame(
    expected.slice(0, 10),
    Array.from({ length: 10 }, (_, i) => [first, 10 - i])
  )
})

t.test('a chat whose latest change is old may have the newest message', async t => {
  const server = await build(t)
  const { add } = database(server)
  const { id: first, people } = await server.chat('ann')
  const [ann] = people
  const { id: second } = (await ann.post('/chats', { title: 'Another' })).body
  add(first, ann.user.id, 0, [5000, 6000, 7000])
  // Its last message has the earliest time, and so has the chat.
  add(second, ann.user.id, 0, [9000, 1000])
  t.strictSame(await pages(ann, 'word', 1), [
    [9000, second, 1],
    [7000, first, 3],
    [6000, first, 2],
    [5000, first, 1],
    [1000, second, 2]
  ])
})
