import type { Test } from 'tap'
import type { StoredSession } from '../../../src/db/records.ts'
import { allPages, type Fixture, withClock } from './fixture.ts'

const HOUR_MS = 3_600_000

export async function sessionCases(t: Test, fixture: Fixture): Promise<void> {
  const { sessions, users } = fixture.db

  async function open(user_id: number, password_hash = 'hash', expires_in = HOUR_MS): Promise<StoredSession> {
    const session = await sessions.create({ id: user_id, password_hash }, Date.now() + expires_in)
    if (!session) throw new Error('no session')
    return session
  }

  const ids = async (user_id: number) => (await sessions.list(user_id, { limit: 100 })).items.map(({ id }) => id)

  await t.test('a session is found with its user', async t => {
    const user = await fixture.user()
    const expires_at = Date.now() + HOUR_MS
    const session = await sessions.create({ id: user.id, password_hash: 'hash' }, expires_at, 'x'.repeat(300))
    t.match(session, { id: /^[\w-]{22}$/, user_id: user.id, expires_at, user_agent: 'x'.repeat(256) })
    t.equal(session?.last_seen_at, session?.created_at)
    t.strictSame(await sessions.find(session?.id as string), { session, user: await users.find(user.id) })
    t.equal((await open(user.id)).user_agent, null)
    t.equal(await sessions.find('unknown'), undefined)
  })

  await t.test('no session for a password hash that was replaced', async t => {
    const { id } = await fixture.user()
    t.equal(await sessions.create({ id, password_hash: 'other' }, Date.now() + HOUR_MS), undefined)
    t.strictSame(await ids(id), [])
  })

  await t.test('an expired session is not found, and the next login removes it', async t => {
    const { id } = await fixture.user()
    const expired = await open(id, 'hash', -1)
    t.equal(await sessions.find(expired.id), undefined)
    const live = await open(id)
    t.strictSame(await ids(id), [live.id])
    t.strictSame(await sessions.remove(id, expired.id), [], 'it is removed already')
    await sessions.touch(live.id, { last_seen_at: 1, expires_at: Date.now() - 1 })
    t.equal(await sessions.find(live.id), undefined)
    t.strictSame(await ids(id), [])
    const change = { user_id: id, session_id: live.id, verified: 'hash' }
    await t.rejects(sessions.changePassword(change, 'new'), { code: 'UNAUTHENTICATED' })
    await sessions.sweep()
    t.strictSame(await sessions.endOldest(id, 0), [], 'nothing is left of it')
  })

  await t.test('a session expires by the clock, also one that was just used', async t => {
    const { id } = await fixture.user()
    const session = await open(id)
    t.ok(await sessions.find(session.id))
    await withClock(HOUR_MS + 1, async () => t.equal(await sessions.find(session.id), undefined))
  })

  await t.test('the use of a session is stored', async t => {
    const { id } = await fixture.user()
    const session = await open(id)
    await sessions.find(session.id)
    await sessions.touch(session.id, { last_seen_at: 5 })
    t.match(await sessions.find(session.id), { session: { ...session, last_seen_at: 5 } })
    await sessions.touch('unknown', { last_seen_at: 5 })
  })

  await t.test('a changed password ends all other sessions', async t => {
    const { id } = await fixture.user()
    const [kept, ...others] = [await open(id), await open(id), await open(id)] as const
    for (const { id } of [kept, ...others]) await sessions.find(id)
    const stranger = await open((await fixture.user()).id)
    const change = { user_id: id, session_id: kept.id, verified: 'hash' }
    const ended = await sessions.changePassword(change, 'new')
    t.strictSame(ended.sort(), others.map(({ id }) => id).sort())
    for (const { id } of others) t.equal(await sessions.find(id), undefined)
    t.ok(await sessions.find(kept.id))
    t.ok(await sessions.find(stranger.id))
    t.equal(await users.passwordHash(id), 'new')
    await t.rejects(sessions.changePassword(change, 'newer'), { code: 'WRONG_PASSWORD' }, 'it was verified before')
    const gone = { ...change, session_id: 'gone', verified: 'new' }
    await t.rejects(sessions.changePassword(gone, 'newer'), { code: 'UNAUTHENTICATED' })
    t.equal(await users.passwordHash(id), 'new')
  })

  await t.test('a login and a change of the password at once: no session of the old password is left', async t => {
    const { id } = await fixture.user()
    const kept = await open(id)
    const login = () => sessions.create({ id, password_hash: 'hash' }, Date.now() + HOUR_MS)
    const change = sessions.changePassword({ user_id: id, session_id: kept.id, verified: 'hash' }, 'new')
    await Promise.all([login(), change, login()])
    t.strictSame(await ids(id), [kept.id])
  })

  await t.test('the sessions that were used last are kept', async t => {
    const { id } = await fixture.user()
    const all = [await open(id), await open(id), await open(id), await open(id)] as const
    for (const [i, session] of all.entries()) {
      await sessions.touch(session.id, { last_seen_at: [400, 100, 300, 200][i] as number })
      await sessions.find(session.id)
    }
    t.strictSame((await sessions.endOldest(id, 2)).sort(), [all[1].id, all[3].id].sort())
    t.equal(await sessions.find(all[1].id), undefined)
    t.ok(await sessions.find(all[0].id))
    t.strictSame(await sessions.endOldest(id, 2), [])
  })

  await t.test('a session is removed by its user only', async t => {
    const [ann, bob] = await fixture.users(2)
    const session = await open(ann.id)
    await sessions.find(session.id)
    t.strictSame(await sessions.remove(bob.id, session.id), [])
    t.strictSame(await sessions.remove(ann.id, session.id), [session.id])
    t.strictSame(await sessions.remove(ann.id, session.id), [])
    t.equal(await sessions.find(session.id), undefined)
  })

  await t.test('sessions are listed newest first, page by page', async t => {
    const { id } = await fixture.user()
    const opened = []
    for (let i = 0; i < 5; i++) opened.push((await open(id)).created_at)
    const pages = await allPages(page => sessions.list(id, page), 2)
    t.strictSame(
      pages.map(page => page.length),
      [2, 2, 1]
    )
    t.strictSame(
      pages.flat().map(({ created_at }) => created_at),
      opened.reverse()
    )
    t.equal(new Set(pages.flat().map(session => session.id)).size, 5)
  })

  await t.test('a changed profile is seen by every session', async t => {
    const { id } = await fixture.user()
    const [a, b] = [await open(id), await open(id)]
    for (const session of [a, b]) await sessions.find(session.id)
    await users.setProfile(id, { display_name: 'Annie' })
    for (const session of [a, b]) t.match(await sessions.find(session.id), { user: { display_name: 'Annie' } })
  })
}
