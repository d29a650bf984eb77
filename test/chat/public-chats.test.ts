import t from 'tap'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import { build, type Client } from '../helper.ts'

async function found(who: Client, query: string): Promise<string[]> {
  const titles: string[] = []
  let cursor: string | undefined
  do {
    const page = `&limit=2${cursor ? `&cursor=${cursor}` : ''}`
    const { status, body } = await who.get(`/chats/public?query=${encodeURIComponent(query)}${page}`)
    if (status !== 200) throw new Error(JSON.stringify(body))
    titles.push(...body.items.map(({ title }: { title: string }) => title))
    cursor = body.next_cursor
  } while (cursor)
  return titles
}

t.test('a part of the title is found in any script, in any case, with and without accents', async t => {
  const ann = await (await build(t)).account('ann')
  const titles = [
    'Общий чат',
    'Über uns',
    'Café',
    'Straße & Haus',
    'ΟΔΟΣ',
    'İstanbul',
    'ｗｉｄｅ',
    '東京 の話',
    'naïve café'
  ]
  for (const title of titles) await ann.post('/chats', { title, visibility: 'public' })
  const cases: [string, string[]][] = [
    ['общий', ['Общий чат']],
    ['ИЙ Ч', ['Общий чат']],
    ['über', ['Über uns']],
    ['UBER', ['Über uns']],
    ['CAFE', ['naïve café', 'Café']],
    ['cafe\u0301', ['naïve café', 'Café']],
    ['STRASSE &', ['Straße & Haus']],
    ['straß', ['Straße & Haus']],
    ['οδος', ['ΟΔΟΣ']],
    ['istanbul', ['İstanbul']],
    ['wide', ['ｗｉｄｅ']],
    ['京 の', ['東京 の話']],
    ['cafés', []]
  ]
  for (const [query, expected] of cases) t.strictSame(await found(ann, query), expected, query)
})

t.test('a renamed chat is found by its new title, and by the old one no more', async t => {
  const ann = await (await build(t)).account('ann')
  const { body } = await ann.post('/chats', { title: 'Öl', visibility: 'public' })
  await ann.patch(`/chats/${body.id}`, { title: 'Ähre' })
  t.strictSame(await found(ann, 'ahre'), ['Ähre'])
  t.strictSame(await found(ann, 'ol'), [])
  await ann.patch(`/chats/${body.id}`, { title: 'AHRE' })
  t.strictSame(await found(ann, 'ähre'), ['AHRE'], 'a title that only looks different is another')
  await ann.patch(`/chats/${body.id}`, { visibility: 'private' })
  t.strictSame(await found(ann, 'ahre'), [])
})

t.test('few among many are found, also those that a shell has added a moment ago', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const { $client } = openDatabase(server.settings['DATABASE_URL']?.slice('sqlite:///'.length) as string)
  // More than are looked at in one turn.
  $client.exec(`insert into chats (kind, visibility, title, created_by, created_at, updated_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < 2500)
    select 'group', 'public', iif(value % 1000 = 7, 'NÉEDLE ', 'Häy ') || value, 1, 1, 1 from n`)
  $client.close()
  t.strictSame(await found(ann, 'needle'), ['NÉEDLE 2007', 'NÉEDLE 1007', 'NÉEDLE 7'])
})

t.test('however many look through titles and names, others have their turns', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const SLICES = 10
  await server.sql(`insert into chats (kind, visibility, title, title_folded, created_by, created_at, updated_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < ${SLICES * 1000})
    select 'group', 'public', 'Hay ' || value, 'hay ' || value, 1, 1, 1 from n`)
  await server.sql(`insert into users (username, display_name, display_name_folded, password_hash, created_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < ${SLICES * 1000})
    select 'user' || value, 'Hay ' || value, 'hay ' || value, 'x', 1 from n`)
  for (const path of ['/chats/public?query=needle', '/users?query=hay']) {
    let turns = 0
    let searching = true
    const count = () => {
      turns++
      if (searching) setImmediate(count)
    }
    setImmediate(count)
    const replies = await Promise.all(
      Array.from({ length: 200 }, () => server.app.inject({ url: path, headers: { cookie: ann.cookie } }))
    )
    searching = false
    t.ok(
      replies.every(({ statusCode }) => statusCode === 200),
      path
    )
    t.ok(turns > SLICES * 10, `${turns} turns of the event loop for 200 requests of ${SLICES} slices`)
  }
})
