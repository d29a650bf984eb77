import type { Test } from 'tap'
import { allPages, type Fixture, idsOf } from './fixture.ts'

export async function userCases(t: Test, fixture: Fixture): Promise<void> {
  const { users } = fixture.db

  await t.test('an account has its username in lower case, and the name in the case given', async t => {
    const user = await users.create({ username: 'Ann', password_hash: 'x' })
    t.match(user, { username: 'ann', display_name: 'Ann', created_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
    t.type(user?.id, 'number')
    t.strictSame(await users.find(user?.id as number), user)
    t.strictSame(await users.findForLogin('aNN'), { user, password_hash: 'x' })
    t.equal(await users.passwordHash(user?.id as number), 'x')
  })

  await t.test('a username is taken in any case, also by two at once', async t => {
    await fixture.user('taken')
    t.equal(await users.create({ username: 'TAKEN', password_hash: 'x' }), undefined)
    const create = () => users.create({ username: 'both', password_hash: 'x' })
    const created = await Promise.all([create(), create(), create()])
    t.equal(created.filter(Boolean).length, 1)
  })

  await t.test('unknown accounts', async t => {
    t.equal(await users.find(999_999), undefined)
    t.equal(await users.findForLogin('nobody'), undefined)
  })

  await t.test('several accounts at once, each once and ascending by id', async t => {
    const people = await fixture.users(12)
    const ids = idsOf(people)
    t.strictSame(idsOf(await users.findAll([...ids].reverse().concat(999_999, ids[0] as number))), ids)
    t.strictSame(await users.findAll([]), [])
    t.equal(await users.count([...ids, 999_999]), 12)
  })

  await t.test('a profile changes in the parts that are given; data comes back exactly', async t => {
    const { id } = await fixture.user('profile')
    const data = { z: 1, a: { b: [1e21, -0.5, 'é e\u0301 \u{1f600}'] } }
    const changed = await users.setProfile(id, { data })
    t.equal(JSON.stringify(changed.data), JSON.stringify(data), 'keys keep their order')
    t.equal(changed.display_name, 'profile')
    t.match(await users.setProfile(id, { display_name: 'P. \u{1d4b3} e\u0301 ' }), {
      display_name: 'P. \u{1d4b3} e\u0301 ',
      data
    })
    t.strictSame(JSON.stringify((await users.find(id))?.data), JSON.stringify(data))
  })

  await t.test('a list is in the order of code points, page by page', async t => {
    // Locales ignore punctuation, and put 9 before 10.
    const names = ['w-z', 'w.z', 'w0', 'w10', 'w9', 'w_a', 'w_z', 'wa', 'wz', 'w\u00e9']
    for (const name of [...names].reverse()) await fixture.user(name)
    const pages = await allPages(page => users.list({ query: 'w', ...page }), 3)
    const listed = pages.map(page => page.map(({ username }) => username))
    t.strictSame(listed.flat(), names)
    t.ok(listed.slice(0, -1).every(page => page.length === 3))
  })

  await t.test('a search finds prefixes of usernames and display names, in any case and with any accents', async t => {
    await fixture.user('q1', '\u00c9tienne Q')
    await fixture.user('q2', 'etienne r')
    await fixture.user('q3', 'Not Etienne')
    await fixture.user('etienne', 'Q 100%')
    const search = async (query: string) => (await users.list({ query, limit: 10 })).items.map(user => user.username)
    t.strictSame(await search('ETIENNE'), ['etienne', 'q1', 'q2'])
    t.strictSame(await search('\u00e9tienne Q'), ['q1'])
    t.strictSame(await search('q 100%'), ['etienne'])
    t.strictSame(await search('%tienne'), [], 'no wildcards')
    t.strictSame(await search('_tienne'), [], 'no wildcards')
  })

  await t.test('a cursor fits its own list only', async t => {
    const { next_cursor } = await users.list({ query: 'w', limit: 1 })
    await t.rejects(users.list({ query: 'q', limit: 1, cursor: next_cursor as string }), { code: 'INVALID_CURSOR' })
    await t.rejects(users.list({ limit: 1, cursor: 'nonsense' }), { code: 'INVALID_CURSOR' })
    const { id } = await fixture.user()
    const cursor = next_cursor as string
    await t.rejects(fixture.db.chats.list(id, { limit: 1, cursor }), { code: 'INVALID_CURSOR' })
    await t.rejects(fixture.db.sessions.list(id, { limit: 1, cursor }), { code: 'INVALID_CURSOR' })
    await t.rejects(fixture.db.members.list(1, { limit: 1, cursor }), { code: 'INVALID_CURSOR' })
    await t.rejects(fixture.db.chats.listPublic({ limit: 1, cursor }), { code: 'INVALID_CURSOR' })
  })
}
