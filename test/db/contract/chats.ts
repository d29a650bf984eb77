import type { Test } from 'tap'
import { allPages, type Fixture, type Group, idsOf, withClock, withFrozenClock } from './fixture.ts'

export async function chatCases(t: Test, fixture: Fixture): Promise<void> {
  const { chats, users, members, messages } = fixture.db

  await t.test('a new group has its owner and members, and no message', async t => {
    const [ann, bob, cas] = await fixture.users(3)
    const data = { z: 1, a: 2 }
    const member_ids = [bob.id, ann.id, cas.id]
    const id = await chats.create(ann.id, { title: 'Caf\u00e9 e\u0301', member_ids, data })
    const chat = await chats.find(id, ann.id)
    t.match(chat, { id, kind: 'group', visibility: 'private', title: 'Caf\u00e9 e\u0301', seq: 0, created_by: ann.id })
    t.match(chat, { role: 'owner', read_id: 0, unread_count: 0 })
    t.equal(JSON.stringify(chat?.data), '{"z":1,"a":2}', 'keys keep their order')
    t.equal(chat?.last_message, undefined)
    t.match(await chats.find(id, bob.id), { role: 'member' })
    t.equal(await chats.find(id, (await fixture.user()).id), undefined)
    t.equal(await chats.find(999_999, ann.id), undefined)
    const { items } = await members.list(id, { limit: 10 })
    t.strictSame(
      items.map(({ user, role }) => [user.id, role]),
      [
        [ann.id, 'owner'],
        [bob.id, 'member'],
        [cas.id, 'member']
      ]
    )
    const { role, read_id, unread_count, ...shown } = chat as NonNullable<typeof chat>
    t.strictSame(await chats.describe(id), shown)
    t.equal(await chats.describe(999_999), undefined)
  })

  await t.test('two users have one direct chat, whoever asks, also at once', async t => {
    const [ann, bob, cas] = await fixture.users(3)
    const asked = await Promise.all([
      chats.direct(ann.id, bob.id),
      chats.direct(bob.id, ann.id),
      chats.direct(ann.id, bob.id)
    ])
    t.equal(new Set(idsOf(asked)).size, 1)
    t.equal(asked.filter(({ created }) => created).length, 1)
    const { id } = asked[0]
    t.not((await chats.direct(ann.id, cas.id)).id, id)
    t.match(await chats.find(id, ann.id), { kind: 'direct', role: 'owner', peer: { id: bob.id } })
    t.match(await chats.find(id, bob.id), { kind: 'direct', role: 'owner', peer: { id: ann.id } })
    await users.setProfile(bob.id, { display_name: 'Bobby' })
    t.match(await chats.find(id, ann.id), { peer: { display_name: 'Bobby' } })
  })

  await t.test('a list begins with the chat that changed last, page by page', async t => {
    const ann = await fixture.user()
    const groups: Group[] = []
    for (let i = 0; i < 5; i++) groups.push(await fixture.group(ann))
    await groups[1]?.send(ann, 'first')
    await withClock(1000, async () => groups[3]?.send(ann, 'second'))
    const [g0, g1, g2, g3, g4] = idsOf(groups) as [number, number, number, number, number]
    const pages = await allPages(page => chats.list(ann.id, page), 2)
    t.strictSame(pages.flat().length, 5)
    t.equal(pages[0]?.[0]?.id, g3)
    t.match(pages[0]?.[0], { last_message: { message: 'second' }, seq: 1, role: 'owner' })
    const heads = await chats.heads(ann.id)
    t.strictSame(heads[0], { chat_id: g3, seq: 1, read_id: 0 })
    t.strictSame(heads.map(head => head.chat_id).sort(), [g0, g1, g2, g3, g4].sort())
    t.strictSame((await chats.ids(ann.id)).sort(), [g0, g1, g2, g3, g4].sort())
    t.equal((await chats.ids(ann.id, 2)).length, 2)
  })

  await t.test('chats that changed at the same time are listed descending by id', async t => {
    const ann = await fixture.user()
    const ids = await withFrozenClock(async () => {
      const groups: Group[] = []
      for (let i = 0; i < 5; i++) groups.push(await fixture.group(ann))
      for (const i of [3, 0, 4]) await groups[i]?.send(ann, 'hello')
      return idsOf(groups)
    })
    const pages = await allPages(page => chats.list(ann.id, page), 2)
    t.strictSame(idsOf(pages.flat()), ids.reverse())
  })

  await t.test('unread messages are those of others, not deleted, after the marker and up to the head', async t => {
    const [ann, bob, cas] = await fixture.users(3)
    const group = await fixture.group(ann, bob)
    await group.send(ann, '1', '2', '3')
    await group.send(bob, '4')
    await group.append(ann, { type: 'delete', id: 2 })
    await group.append(ann, { type: 'set_member', member: cas })
    const { seq } = (await chats.find(group.id, bob.id)) as { seq: number }
    const unread = async (user_id: number, read_id: number, until = seq) =>
      (await chats.unread(user_id, [{ chat_id: group.id, seq: until, read_id }]))[0]
    t.equal(await unread(bob.id, 0), 2)
    t.equal(await unread(bob.id, 1), 1)
    t.equal(await unread(bob.id, seq), 0)
    t.equal(await unread(ann.id, 0), 1)
    t.match(await chats.find(group.id, bob.id), { unread_count: 2, read_id: 0 })
    t.match(await members.readState(group.id, bob.id), { unread_count: 2, read_id: 0 })
    await group.append(bob, { type: 'read', id: 1 })
    t.match(await chats.find(group.id, bob.id), { unread_count: 1, read_id: 1 })
    await group.send(ann, ...Array.from({ length: 150 }, (_, i) => `${i}`))
    t.match(await chats.find(group.id, bob.id), { unread_count: 100 })
    t.match(await members.readState(group.id, bob.id), { unread_count: 100 })
  })

  await t.test('a message that was deleted after a head is unread up to that head', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann, bob)
    await group.send(ann, '1', '2', '3')
    await group.append(ann, { type: 'delete', id: 1 })
    await group.append(ann, { type: 'delete', id: 2 })
    await group.append(ann, { type: 'edit', id: 3, text: 'three' })
    const counts = async () =>
      Promise.all([3, 4, 5, 6].map(seq => chats.unread(bob.id, [{ chat_id: group.id, seq, read_id: 0 }])))
    t.strictSame(await counts(), [[3], [2], [1], [1]])
    t.strictSame(await counts(), [[3], [2], [1], [1]])
  })

  await t.test('a count of unread messages looks at 10,000 messages', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann, bob)
    await group.send(ann, 'the first')
    await group.send(bob, ...Array<string>(9_998).fill('x'))
    await group.send(ann, 'the 10,000th', 'beyond')
    const seq = await messages.head(group.id)
    t.strictSame(await chats.unread(bob.id, [{ chat_id: group.id, seq, read_id: 0 }]), [2])
    t.match(await members.readState(group.id, bob.id), { unread_count: 2 })
  })

  await t.test('while the version of a list stays the same, so does the list', async t => {
    const [ann, bob, cas] = await fixture.users(3)
    const group = await fixture.group(ann, bob)
    const direct = (await chats.direct(ann.id, bob.id)).id
    const read = async () => {
      const version = await chats.listVersion(ann.id)
      return { version, list: await chats.list(ann.id, { limit: 50 }) }
    }
    const versions = new Set<number>()
    const changes: (() => Promise<unknown>)[] = [
      () => group.send(bob, 'hello'),
      () => group.append(bob, { type: 'edit', id: 1, text: 'Hello' }),
      () => group.append(bob, { type: 'react', id: 1, emoji: '\u{1f44d}' }),
      () => group.append(ann, { type: 'read', id: 1 }),
      () => group.append(ann, { type: 'settings', title: 'New', visibility: 'public' }),
      () => group.append(ann, { type: 'settings', data: { a: 1 } }),
      () => group.append(cas, { type: 'join' }),
      () => group.append(ann, { type: 'set_member', member: bob, role: 'owner' }),
      () => group.append(bob, { type: 'set_member', member: ann, role: 'admin' }),
      () => fixture.db.log.append([{ type: 'send', chat_id: direct, user: bob, text: 'psst' }]),
      () => users.setProfile(bob.id, { display_name: 'Bobby' }),
      () => chats.create(cas.id, { title: 'Other', member_ids: [ann.id] }),
      () => chats.direct(cas.id, ann.id),
      () => group.append(bob, { type: 'leave', member: ann }),
      () => group.append(bob, { type: 'set_member', member: ann }),
      () => group.append(ann, { type: 'leave', member: ann }),
      () => group.append(ann, { type: 'join' }),
      () => group.append(bob, { type: 'remove' })
    ]
    let before = await read()
    for (const change of changes) {
      await change()
      const after = await read()
      if (before.version === undefined || before.version !== after.version) {
        t.notOk(after.version !== undefined && versions.has(after.version), 'no version comes back')
      } else t.strictSame(after.list, before.list)
      if (after.version !== undefined) versions.add(after.version)
      before = after
    }
    t.strictSame((await read()).list, before.list)
  })

  await t.test('public chats are found by a part of the title, in any case and with any accents', async t => {
    const ann = await fixture.user()
    const titles = [
      '\u00c4rger \u00fcber 100%',
      '\u00e4rger_x',
      'Plain \u00c4RGER',
      'Other',
      '\u041f\u0440\u0438\u0412\u0435\u0442'
    ]
    const ids = []
    for (const title of titles) ids.push((await fixture.publicGroup(ann, title)).id)
    await chats.create(ann.id, { title: '\u00c4rger, private' })
    const search = async (query: string) => {
      const pages = await allPages(page => chats.listPublic({ query, ...page }), 1)
      return pages.flat().map(({ title }) => title)
    }
    t.strictSame(await search('ARGER'), [titles[2], titles[1], titles[0]])
    t.strictSame(await search('\u00fcBER 100%'), [titles[0]])
    t.strictSame(await search('r_x'), [titles[1]])
    t.strictSame(await search('\u043f\u0440\u0438\u0432\u0435\u0442'), [titles[4]])
    for (const wildcard of ['a%r', 'a_ger', '%', '_']) t.notOk((await search(wildcard)).includes(titles[2]), wildcard)
    const first = await chats.listPublic({ query: 'arger', limit: 1 })
    const other = chats.listPublic({ query: 'other', limit: 1, cursor: first.next_cursor as string })
    await t.rejects(other, { code: 'INVALID_CURSOR' })
    t.notOk('role' in (first.items[0] as object))
  })

  await t.test('a deleted chat is not found', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.publicGroup(ann, 'Doomed')
    await group.append(bob, { type: 'join' })
    await group.append(ann, { type: 'remove' })
    t.equal(await chats.find(group.id, ann.id), undefined)
    t.equal(await chats.describe(group.id), undefined)
    t.strictSame((await chats.list(bob.id, { limit: 10 })).items, [])
    t.strictSame(await chats.heads(bob.id), [])
    t.strictSame(await chats.ids(bob.id), [])
    t.strictSame((await chats.listPublic({ query: 'Doomed', limit: 10 })).items, [])
    const access = await members.access(group.id, ann.id)
    t.ok(access === undefined || (access.role === null && access.visibility === 'private'))
    t.not(await chats.create(ann.id, { title: 'Next' }), group.id, 'its id is not used again')
  })
}
