import type { Test } from 'tap'
import type { SearchRequest } from '../../../src/db/records.ts'
import type { Page } from '../../../src/schemas/common.ts'
import type { FoundMessage } from '../../../src/schemas/message.ts'
import { allPages, type Fixture, textsOf, withClock } from './fixture.ts'

export async function searchCases(t: Test, fixture: Fixture): Promise<void> {
  async function search(user_id: number, request: Partial<SearchRequest>): Promise<Page<FoundMessage>> {
    const steps = fixture.db.search.find(user_id, { query: '', limit: 10, ...request })
    for (;;) {
      const { done, value } = await steps.next()
      if (done) return value
    }
  }

  const texts = async (user_id: number, query: string, chat_id?: number) =>
    textsOf((await search(user_id, chat_id === undefined ? { query } : { query, chat_id })).items)

  await t.test('words and phrases, in any case and with any accents; the last word is a prefix', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, 'The caf\u00e9 opens', 'CAFE closed-down early', 'opens the cafes', '\u6771\u4eac\u90fd')
    t.strictSame(await texts(ann.id, 'cafe'), ['opens the cafes', 'CAFE closed-down early', 'The caf\u00e9 opens'])
    t.strictSame(await texts(ann.id, 'cafe op'), ['The caf\u00e9 opens'])
    t.strictSame(await texts(ann.id, 'cafe the'), ['The caf\u00e9 opens'])
    t.strictSame(await texts(ann.id, 'closed-down ear'), ['CAFE closed-down early'])
    t.strictSame(await texts(ann.id, 'down-closed'), [])
    t.strictSame(await texts(ann.id, '\u4eac\u90fd'), ['\u6771\u4eac\u90fd'])
    for (const nothing of ['', '!', '"', 'AND', '*', "' or 1=1"])
      t.strictSame(await texts(ann.id, nothing), [], nothing)
  })

  await t.test('matches are marked, the rest is escaped', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, '<b>Caf\u00e9</b> & caf\u00e9s')
    const { items } = await search(ann.id, { query: 'cafe' })
    t.match(items, [
      { chat_id: group.id, id: 1, highlight: '&lt;b&gt;<mark>Caf\u00e9</mark>&lt;/b&gt; &amp; <mark>caf\u00e9s</mark>' }
    ])
  })

  await t.test('the chats of the user only, or one of them', async t => {
    const [ann, bob] = await fixture.users(2)
    const [one, two, other] = [await fixture.group(ann), await fixture.group(ann, bob), await fixture.group(bob)]
    await one.send(ann, 'word one')
    await withClock(10, () => two.send(ann, 'word two'))
    await withClock(20, () => other.send(bob, 'word three'))
    t.strictSame(await texts(ann.id, 'word'), ['word two', 'word one'])
    t.strictSame(await texts(ann.id, 'word', one.id), ['word one'])
    t.strictSame(await texts(ann.id, 'word', other.id), [])
    t.strictSame(await texts(bob.id, 'word'), ['word three', 'word two'])
    await two.append(ann, { type: 'leave', member: bob })
    t.strictSame(await texts(bob.id, 'word'), ['word three'])
  })

  await t.test('edits and deletions count at once', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, 'apple', 'banana', 'cherry')
    t.strictSame(await texts(ann.id, 'apple'), ['apple'])
    await group.append(ann, { type: 'edit', id: 1, text: 'apricot' })
    await group.append(ann, { type: 'delete', id: 2 })
    await group.append(ann, { type: 'react', id: 3, emoji: 'x' })
    t.strictSame(await texts(ann.id, 'apple'), [])
    t.strictSame(await texts(ann.id, 'apricot'), ['apricot'])
    t.strictSame(await texts(ann.id, 'banana'), [])
    t.match((await search(ann.id, { query: 'cherry' })).items, [{ reactions: [{ emoji: 'x' }] }])
    await group.append(ann, { type: 'remove' })
    t.strictSame(await texts(ann.id, 'cherry'), [])
  })

  await t.test('newest first across chats, page by page, also when clocks differ', async t => {
    const ann = await fixture.user()
    // Times in a chat never go back: the chats are older than all clocks here.
    const group = () => withClock(-7_200_000, () => fixture.group(ann))
    const groups = [await group(), await group(), await group()] as const
    for (let i = 0; i < 9; i++) {
      // Chats take turns, and each is ahead of or behind the others in its own way.
      const offset = [0, 3_600_000, -3_600_000][i % 3] as number
      await withClock(offset + i * 1000, async () => groups[i % 3]?.send(ann, `item ${i}`))
    }
    const pages = await allPages(page => search(ann.id, { query: 'item', ...page }), 2)
    t.strictSame(
      pages.map(page => page.length),
      [2, 2, 2, 2, 1]
    )
    const expected = [7, 4, 1, 6, 3, 0, 8, 5, 2].map(i => `item ${i}`)
    t.strictSame(textsOf(pages.flat()), expected)
    const one = await allPages(page => search(ann.id, { query: 'item', chat_id: groups[0].id, ...page }), 2)
    t.strictSame(textsOf(one.flat()), ['item 6', 'item 3', 'item 0'])
  })

  await t.test('many results in one chat, and a word that is in every message', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, ...Array.from({ length: 300 }, (_, i) => `all ${i % 100 === 0 ? 'rare' : 'often'} ${i}`))
    t.strictSame(await texts(ann.id, 'rare all'), ['all rare 200', 'all rare 100', 'all rare 0'])
    const pages = await allPages(page => search(ann.id, { query: 'all', ...page }), 100)
    t.strictSame(
      pages.map(page => page.length),
      [100, 100, 100]
    )
    t.equal(new Set(pages.flat().map(({ id }) => id)).size, 300)
  })

  await t.test('a text of very many different words', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, Array.from({ length: 1000 }, (_, i) => `w${i}`).join(' '), 'short w999')
    t.equal((await texts(ann.id, 'w999')).length, 2)
    t.equal((await texts(ann.id, 'w3 w4')).length, 1)
    await group.append(ann, { type: 'edit', id: 1, text: 'nothing' })
    t.strictSame(await texts(ann.id, 'w999'), ['short w999'])
  })

  await t.test('what is refused', async t => {
    const { id } = await fixture.user()
    const find = async (request: Partial<SearchRequest>) => search(id, request)
    await t.rejects(find({ query: 'x', cursor: 'nonsense' }), { code: 'INVALID_CURSOR' })
    const query = Array.from({ length: 51 }, (_, i) => `w${i}`).join(' ')
    await t.rejects(find({ query }), { code: 'VALIDATION_FAILED' })
  })

  await t.test('a search may be left at any step', async t => {
    const ann = await fixture.user()
    await (await fixture.group(ann)).send(ann, 'left alone')
    const steps = fixture.db.search.find(ann.id, { query: 'left', limit: 1 })
    await steps.next()
    await steps.return({ items: [] })
    t.strictSame(await texts(ann.id, 'left'), ['left alone'])
  })
}
