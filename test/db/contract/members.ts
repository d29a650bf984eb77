import type { Test } from 'tap'
import { allPages, errorsOf, type Fixture, withClock } from './fixture.ts'

export async function memberCases(t: Test, fixture: Fixture): Promise<void> {
  const { members } = fixture.db

  await t.test('access is the chat and the role, and follows every change', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann)
    const access = (user_id: number) => members.access(group.id, user_id)
    t.strictSame(await access(ann.id), { kind: 'group', visibility: 'private', seq: 0, role: 'owner' })
    t.strictSame(await access(bob.id), { kind: 'group', visibility: 'private', seq: 0, role: null })
    await group.send(ann, 'hello')
    t.match(await access(bob.id), { seq: 1, role: null })
    await group.append(ann, { type: 'settings', visibility: 'public' })
    t.match(await access(bob.id), { visibility: 'public', seq: 1, role: null })
    await group.append(bob, { type: 'join' })
    t.match(await access(bob.id), { seq: 2, role: 'member' })
    await group.setRole(bob, 'admin')
    t.match(await access(bob.id), { seq: 2, role: 'admin' })
    await group.append(ann, { type: 'leave', member: bob })
    t.match(await access(bob.id), { seq: 3, role: null })
    await group.append(ann, { type: 'remove' })
    t.not((await access(ann.id))?.role, 'owner')
    t.equal(await members.access(999_999, ann.id), undefined)
  })

  await t.test('members are listed ascending by account, page by page', async t => {
    const people = await fixture.users(12)
    const [ann, ...others] = people
    const group = await fixture.group(ann, ...[...others].reverse())
    const pages = await allPages(page => members.list(group.id, page), 5)
    t.strictSame(
      pages.map(page => page.map(({ user }) => user.id)),
      [people.slice(0, 5), people.slice(5, 10), people.slice(10)].map(page => page.map(({ id }) => id))
    )
    const other = await fixture.group(ann)
    const { next_cursor } = await members.list(group.id, { limit: 1 })
    await t.rejects(members.list(other.id, { limit: 1, cursor: next_cursor as string }), { code: 'INVALID_CURSOR' })
  })

  await t.test('one member', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann)
    await group.send(ann, 'before')
    t.match(await members.find(group.id, ann.id), { user: { id: ann.id }, role: 'owner', read_id: 0 })
    t.type((await members.find(group.id, ann.id))?.joined_at, 'string')
    t.equal(await members.find(group.id, bob.id), undefined)
    await group.append(ann, { type: 'set_member', member: bob })
    t.match(await members.find(group.id, bob.id), { role: 'member', read_id: 1 }, 'earlier messages count as read')
  })

  await t.test('the last owner cannot become something else, and of two only one', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann, bob)
    const demote = (user: typeof ann, member: typeof ann) =>
      group.change(user, { type: 'set_member', member, role: 'member' })
    t.equal(await group.refused(ann, { type: 'set_member', member: ann, role: 'admin' }), 'LAST_OWNER')
    await group.setRole(bob, 'owner')
    const results = await Promise.all([
      fixture.db.log.append([demote(ann, bob)]),
      fixture.db.log.append([demote(bob, ann)])
    ])
    const failed = errorsOf(results.flat()).filter(Boolean)
    t.strictSame(failed, ['ADMIN_REQUIRED'], 'the other one decides on what holds then')
    t.strictSame([await group.role(ann), await group.role(bob)].sort(), ['member', 'owner'])
  })

  await t.test('when the last owner leaves, admins come first, then those who joined first', async t => {
    const [ann, bob, cas, dan] = await fixture.users(4)
    const group = await fixture.group(ann, dan, cas, bob)
    await group.setRole(cas, 'admin')
    const left = await group.append(ann, { type: 'leave', member: ann })
    t.match(left, { changed: true, role_changed: cas.id, message: { kind: 'left', sender: { id: ann.id } } })
    t.strictSame(await Promise.all([ann, bob, cas, dan].map(user => group.role(user))), [
      null,
      'member',
      'owner',
      'member'
    ])
    t.match(await group.append(cas, { type: 'leave', member: cas }), { role_changed: bob.id }, 'same time: lower id')
    await withClock(1000, () => group.append(bob, { type: 'set_member', member: ann }))
    const later = await group.append(bob, { type: 'leave', member: bob })
    t.equal(later.role_changed, dan.id, 'a lower id, but joined later')
    await group.append(ann, { type: 'leave', member: ann })
    const last = await group.append(dan, { type: 'leave', member: dan })
    t.equal(last.role_changed, undefined)
    t.strictSame((await members.list(group.id, { limit: 1 })).items, [])
  })

  await t.test('who joins a public chat without members becomes its owner', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.publicGroup(ann)
    await group.append(ann, { type: 'leave', member: ann })
    await group.append(bob, { type: 'join' })
    t.equal(await group.role(bob), 'owner')
    t.match(await group.append(bob, { type: 'join' }), { changed: false, message: undefined })
  })

  await t.test('a read marker moves forwards only, not past the end, and takes no number', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann, bob)
    await group.send(ann, '1', '2', '3')
    t.match(await group.append(bob, { type: 'read', id: 2 }), { changed: true, read_id: 2, message: undefined })
    t.match(await group.append(bob, { type: 'read', id: 1 }), { changed: false, read_id: undefined })
    t.match(await group.append(bob, { type: 'read', id: 99 }), { changed: true, read_id: 3 })
    t.strictSame(await members.readState(group.id, bob.id), { read_id: 3, unread_count: 0 })
    t.match(await members.access(group.id, bob.id), { seq: 3 })
    const stranger = await fixture.user()
    t.strictSame(await members.readState(group.id, stranger.id), { read_id: 0, unread_count: 0 })
    t.equal(await group.refused(stranger, { type: 'read', id: 1 }), 'CHAT_NOT_FOUND')
  })
}
