import type { Test } from 'tap'
import { type Fixture, idsOf, textsOf } from './fixture.ts'

const MAX = Number.MAX_SAFE_INTEGER

export async function messageCases(t: Test, fixture: Fixture): Promise<void> {
  const { messages } = fixture.db

  await t.test('a message comes back exactly as it was appended', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    const text = ' e\u0301 \u00e9 \u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u202e\n\t\\ \' " % _ '
    const data = { z: [1e21, 1e-7, -0.5], '\u{1f600}': null, a: { '': false } }
    const { message: appended } = await group.append(ann, { type: 'send', text, data, client_id: 'c' })
    const found = await messages.find(group.id, 1)
    t.strictSame(found, appended)
    t.match(found, { chat_id: group.id, id: 1, seq: 1, kind: 'text', sender: ann, message: text })
    t.equal(JSON.stringify(found?.data), JSON.stringify(data), 'keys keep their order')
    t.notOk('client_id' in (found as object), 'internal columns stay inside')
    t.equal(await messages.find(group.id, 2), undefined)
    t.equal(await messages.find(999_999, 1), undefined)
    t.equal(await messages.head(group.id), 1)
    t.equal(await messages.head(999_999), 0)
  })

  await t.test('an edit and a deletion change the message in place', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, 'one', 'two')
    const edited = await group.append(ann, { type: 'edit', id: 1, text: 'One' })
    t.match(edited.message, { id: 1, seq: 3, message: 'One', edited_at: String })
    t.strictSame(await messages.find(group.id, 1), edited.message)
    t.match(await group.append(ann, { type: 'edit', id: 1, text: 'One' }), { changed: false, message: { seq: 3 } })
    const withData = await group.append(ann, { type: 'edit', id: 1, data: { a: 1 } })
    t.match(withData.message, { seq: 4, message: 'One', data: { a: 1 }, edited_at: edited.message?.edited_at })
    await group.append(ann, { type: 'react', id: 1, emoji: 'x' })
    const deleted = await group.append(ann, { type: 'delete', id: 1 })
    t.match(deleted.message, { id: 1, seq: 6, deleted_at: String })
    for (const gone of ['message', 'data', 'reactions']) t.notOk(gone in (deleted.message as object), gone)
    t.strictSame(await messages.find(group.id, 1), deleted.message)
    t.match(await group.append(ann, { type: 'delete', id: 1 }), { changed: false, message: { seq: 6 } })
    t.equal(await group.refused(ann, { type: 'edit', id: 1, text: 'x' }), 'MESSAGE_DELETED')
    t.equal(await group.refused(ann, { type: 'react', id: 1, emoji: 'x' }), 'MESSAGE_DELETED')
    t.equal(await group.refused(ann, { type: 'edit', id: 9, text: 'x' }), 'MESSAGE_NOT_FOUND')
  })

  await t.test('changes are the messages by seq in their current state, each once', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, '1', '2', '3', '4', '5', '6')
    await group.append(ann, { type: 'edit', id: 2, text: 'two' })
    await group.append(ann, { type: 'delete', id: 4 })
    await group.append(ann, { type: 'react', id: 1, emoji: 'x' })
    await group.append(ann, { type: 'edit', id: 2, text: 'Two' })
    const changes = async (after: number, until: number, limit = 100) =>
      (await messages.changes(group.id, after, until, limit)).map(({ id, seq }) => [id, seq])
    const all = [
      [3, 3],
      [5, 5],
      [6, 6],
      [4, 8],
      [1, 9],
      [2, 10]
    ]
    t.strictSame(await changes(0, MAX), all)
    t.strictSame(await changes(0, 6), all.slice(0, 3))
    t.strictSame(await changes(5, 9), all.slice(2, 5))
    t.strictSame(await changes(10, MAX), [])
    for (let limit = 1; limit <= 6; limit++) t.strictSame(await changes(0, MAX, limit), all.slice(0, limit))
    const page = await messages.changesPage(group.id, 0, MAX, 2)
    t.strictSame([idsOf(page.items), page.has_more], [[3, 5], true])
    const last = await messages.changesPage(group.id, 8, MAX, 2)
    t.strictSame([idsOf(last.items), last.has_more], [[1, 2], false])
    t.strictSame(idsOf(await messages.created(group.id, 1, 6, 3)), [2, 3, 5], 'by id, without deleted ones')
    t.strictSame(idsOf(await messages.created(group.id, 5, MAX, 3)), [6])
  })

  await t.test('history before, after and around a message', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, ...Array.from({ length: 10 }, (_, i) => `${i + 1}`))
    await group.append(ann, { type: 'delete', id: 5 })
    const history = async (query: { before?: number; after?: number; around?: number }, limit = 4) => {
      const page = await messages.history(group.id, { ...query, limit })
      return [idsOf(page.items), page.has_more_before, page.has_more_after]
    }
    t.strictSame(await history({}), [[7, 8, 9, 10], true, false])
    t.strictSame(await history({ before: 7 }), [[3, 4, 5, 6], true, true])
    t.strictSame(await history({ before: 3 }), [[1, 2], false, true])
    t.strictSame(await history({ after: 0 }), [[1, 2, 3, 4], false, true])
    t.strictSame(await history({ after: 7 }), [[8, 9, 10], true, false])
    t.strictSame(await history({ around: 5 }), [[3, 4, 5, 6], true, true])
    t.strictSame(await history({ around: 1 }, 3), [[1, 2], false, true])
    t.strictSame(await history({ after: 10 }), [[], true, false])
    t.strictSame(await history({}, 10), [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false, false])
  })

  await t.test('a page of long messages ends early, but has one message', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    await group.send(ann, ...Array.from({ length: 6 }, (_, i) => `${i}`.repeat(100_000)))
    const page = await messages.changesPage(group.id, 0, MAX, 6)
    t.ok(page.items.length >= 1 && page.items.length < 6)
    t.equal(page.has_more, true)
    const seen: number[] = []
    for (let after = 0, more = true; more; ) {
      const { items, has_more } = await messages.changesPage(group.id, after, MAX, 6)
      seen.push(...idsOf(items))
      after = items.at(-1)?.seq as number
      more = has_more
    }
    t.strictSame(seen, [1, 2, 3, 4, 5, 6])
    const latest = await messages.history(group.id, { limit: 6 })
    t.ok(latest.items.length >= 1 && latest.items.length < 6)
    t.strictSame([latest.items.at(-1)?.id, latest.has_more_before, latest.has_more_after], [6, true, false])
    t.equal((await messages.changes(group.id, 0, MAX, 6)).length, 6, 'a list without pages is whole')
  })

  await t.test('chats do not see the messages of each other', async t => {
    const ann = await fixture.user()
    const [one, two] = [await fixture.group(ann), await fixture.group(ann)]
    await one.send(ann, 'one')
    await two.send(ann, 'two', 'more')
    t.strictSame(textsOf(await messages.changes(one.id, 0, MAX, 9)), ['one'])
    t.strictSame(textsOf((await messages.history(two.id, { limit: 9 })).items), ['two', 'more'])
  })
}
