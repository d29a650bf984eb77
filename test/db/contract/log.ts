import type { Test } from 'tap'
import type { Change, Result } from '../../../src/db/changes.ts'
import type { Sender } from '../../../src/schemas/message.ts'
import { errorsOf, type Fixture, type Group, messageOf, textsOf, withClock } from './fixture.ts'

const MAX = Number.MAX_SAFE_INTEGER

export async function logCases(t: Test, fixture: Fixture): Promise<void> {
  const { log, messages, chats } = fixture.db

  const send = (group: Group, user: Sender, text: string, more: { client_id?: string; reply_to?: number } = {}) =>
    group.change(user, { type: 'send', text, ...more })
  const seqs = (results: Result[]) => results.map(result => ('error' in result ? result.error : result.message?.seq))

  await t.test('an empty batch', async t => {
    t.strictSame(await log.append([]), [])
  })

  await t.test('changes take numbers without gaps, those that are refused or change nothing take none', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.group(ann, bob)
    const stranger = await fixture.user()
    const results = await log.append([
      send(group, ann, 'one'),
      send(group, stranger, 'no'),
      send(group, bob, 'two', { reply_to: 1 }),
      send(group, bob, 'no', { reply_to: 99 }),
      group.change(bob, { type: 'edit', id: 1, text: 'no' }),
      group.change(ann, { type: 'edit', id: 1, text: 'One' }),
      group.change(ann, { type: 'edit', id: 1, text: 'One' }),
      group.change(bob, { type: 'read', id: 2 }),
      group.change(bob, { type: 'settings', title: 'no' }),
      group.change(ann, { type: 'settings', visibility: 'public' }),
      group.change(ann, { type: 'settings', title: 'New' }),
      group.change(stranger, { type: 'join' }),
      send(group, stranger, 'yes')
    ])
    t.strictSame(seqs(results), [
      1,
      'CHAT_NOT_FOUND',
      2,
      'REPLY_TO_NOT_FOUND',
      'NOT_THE_SENDER',
      3,
      3,
      undefined,
      'ADMIN_REQUIRED',
      undefined,
      4,
      5,
      6
    ])
    t.match(results[10], { message: { kind: 'renamed', message: 'New', sender: ann } })
    t.match(results[11], { message: { kind: 'joined', sender: stranger } })
    t.match(await chats.find(group.id, ann.id), { seq: 6, title: 'New', visibility: 'public' })
    t.equal(await messages.head(group.id), 6)
    t.match(await messages.find(group.id, 2), { reply_to: 1 })
  })

  await t.test('batches at once: numbers have no gaps, and each chat has its own', async t => {
    const ann = await fixture.user()
    const groups = [await fixture.group(ann), await fixture.group(ann)] as const
    const batches = Array.from({ length: 8 }, (_, i) =>
      log.append(Array.from({ length: 5 }, (_, j) => send(groups[(i + j) % 2] as Group, ann, `${i}.${j}`)))
    )
    const results = (await Promise.all(batches)).flat().map(messageOf)
    for (const { id } of groups) {
      const own = results.filter(message => message.chat_id === id).map(({ seq }) => seq)
      t.strictSame(
        own.sort((a, b) => a - b),
        Array.from({ length: 20 }, (_, i) => i + 1)
      )
      t.equal((await messages.changes(id, 0, MAX, 100)).length, 20)
    }
  })

  await t.test('who has left sends no more, in the same batch and later; who has joined does', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.publicGroup(ann)
    const results = await log.append([
      send(group, bob, 'too early'),
      group.change(bob, { type: 'join' }),
      send(group, bob, 'hello'),
      group.change(ann, { type: 'leave', member: bob }),
      send(group, bob, 'too late'),
      group.change(ann, { type: 'leave', member: bob })
    ])
    t.strictSame(seqs(results), ['NOT_A_MEMBER', 1, 2, 3, 'NOT_A_MEMBER', 'MEMBER_NOT_FOUND'])
    t.equal(await group.refused(bob, { type: 'send', text: 'too late' }), 'NOT_A_MEMBER')
  })

  await t.test('roles are decided in the order of the changes', async t => {
    const [ann, bob, cas, dan] = await fixture.users(4)
    const group = await fixture.group(ann, bob, cas)
    await group.send(cas, 'one', 'two')
    const results = await log.append([
      group.change(bob, { type: 'delete', id: 1 }),
      group.change(bob, { type: 'set_member', member: dan }),
      group.change(ann, { type: 'set_member', member: bob, role: 'admin' }),
      group.change(bob, { type: 'delete', id: 1 }),
      group.change(bob, { type: 'set_member', member: dan }),
      group.change(bob, { type: 'set_member', member: dan, role: 'admin' }),
      group.change(bob, { type: 'remove' }),
      group.change(ann, { type: 'set_member', member: bob, role: 'member' }),
      group.change(bob, { type: 'delete', id: 2 }),
      group.change(bob, { type: 'leave', member: cas })
    ])
    const [admin, owner] = ['ADMIN_REQUIRED', 'OWNER_REQUIRED']
    t.strictSame(errorsOf(results), [
      admin,
      admin,
      undefined,
      undefined,
      undefined,
      owner,
      owner,
      undefined,
      admin,
      admin
    ])
    t.match(results[2], { role_changed: bob.id, message: undefined })
    t.match(results[4], { message: { kind: 'joined', sender: dan } })
  })

  await t.test('nobody rules in a direct chat', async t => {
    const [ann, bob, cas] = await fixture.users(3)
    const chat_id = (await chats.direct(ann.id, bob.id)).id
    const results = await log.append(
      [
        { type: 'set_member' as const, member: cas },
        { type: 'leave' as const, member: ann },
        { type: 'leave' as const, member: bob },
        { type: 'settings' as const, title: 'x' },
        { type: 'remove' as const },
        { type: 'send' as const, text: 'hello' }
      ].map((change): Change => ({ chat_id, user: ann, ...change }))
    )
    const direct = 'DIRECT_CHAT'
    t.strictSame(errorsOf(results), [direct, direct, direct, direct, direct, undefined])
    const theirs = await log.append([{ chat_id, user: bob, type: 'delete', id: 1 }])
    t.strictSame(errorsOf(theirs), ['ADMIN_REQUIRED'])
  })

  await t.test('a repeated client_id returns the first message, whatever happened to it since', async t => {
    const [ann, bob] = await fixture.users(2)
    const [group, other] = [await fixture.group(ann, bob), await fixture.group(ann)]
    const data = { a: 1, b: { c: 2, d: 3 } }
    const once: Change = group.change(ann, { type: 'send', text: 'one', client_id: 'c', data })
    const reordered: Change = { ...once, data: { b: { d: 3, c: 2 }, a: 1 } } as Change
    const results = await log.append([
      once,
      once,
      reordered,
      { ...once, text: 'two' } as Change,
      { ...once, data: { a: 2 } } as Change,
      { ...once, client_id: 'C' } as Change,
      { ...once, user: bob } as Change,
      { ...once, chat_id: other.id } as Change
    ])
    t.strictSame(seqs(results), [1, 1, 1, 'CLIENT_ID_REUSED', 'CLIENT_ID_REUSED', 2, 3, 1])
    t.match(results, [{ changed: true }, { changed: false }, { changed: false }])
    await group.append(ann, { type: 'edit', id: 1, text: 'edited' })
    t.match(await log.append([once]), [{ changed: false, message: { id: 1, seq: 4, message: 'edited' } }])
    const edited = { ...once, text: 'edited' } as Change
    t.match(await log.append([edited]), [{ error: 'CLIENT_ID_REUSED' }], 'the first text counts')
    await group.append(ann, { type: 'delete', id: 1 })
    t.match(await log.append([edited]), [{ changed: false, message: { id: 1, deleted_at: String } }])
  })

  await t.test('the same client_id in two batches at once', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    const once = send(group, ann, 'one', { client_id: 'c' })
    const results = (await Promise.all([log.append([once]), log.append([once]), log.append([once])])).flat()
    t.strictSame(seqs(results), [1, 1, 1])
    t.equal(results.filter(result => 'changed' in result && result.changed).length, 1)
    t.strictSame(textsOf(await messages.changes(group.id, 0, MAX, 9)), ['one'])
  })

  await t.test('times never go back, whatever the clock says', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    const times: string[] = []
    for (const offset of [0, 3_600_000, -3_600_000, 0]) {
      const [message] = await withClock(offset, () => group.send(ann, `${offset}`))
      times.push(message?.created_at as string)
    }
    t.strictSame(times, [...times].sort())
    t.equal(times[3], times[1])
    const edited = await group.append(ann, { type: 'edit', id: 1, text: 'later' })
    t.equal(edited.message?.edited_at, times[1])
    t.equal((await chats.find(group.id, ann.id))?.updated_at, times[1])
  })

  await t.test('a deleted chat takes nothing, in the same batch and later', async t => {
    const [ann, bob] = await fixture.users(2)
    const group = await fixture.publicGroup(ann)
    await group.append(bob, { type: 'join' })
    const results = await log.append([
      group.change(bob, { type: 'remove' }),
      group.change(ann, { type: 'remove' }),
      send(group, ann, 'no'),
      group.change(bob, { type: 'join' }),
      group.change(bob, { type: 'read', id: 1 })
    ])
    const gone = 'CHAT_NOT_FOUND'
    t.strictSame(errorsOf(results), ['OWNER_REQUIRED', undefined, gone, gone, gone])
    t.match(results[1], { changed: true, message: undefined })
    t.equal(await group.refused(ann, { type: 'send', text: 'no' }), gone)
    t.strictSame(errorsOf(await log.append([{ type: 'send', chat_id: 999_999, user: ann, text: 'no' }])), [gone])
  })

  await t.test('a change that cannot be stored leaves no hole, and its neighbours alone', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    // No account has this id: the reference cannot be stored.
    const nobody = { id: 999_999_999, username: 'nobody' }
    const results = await log.append([
      send(group, ann, 'one'),
      group.change(ann, { type: 'set_member', member: nobody }),
      send(group, ann, 'two')
    ])
    t.strictSame(seqs(results), [1, 'STORAGE_FAILED', 2])
    t.ok((results[1] as { cause?: unknown }).cause)
    t.strictSame(textsOf(await messages.changes(group.id, 0, MAX, 9)), ['one', 'two'])
    t.match(await group.send(ann, 'three'), [{ seq: 3 }])
  })

  await t.test('settings change what is given, and a new title only is a message', async t => {
    const ann = await fixture.user()
    const group = await fixture.group(ann)
    const settings = (change: object) => group.append(ann, { type: 'settings', ...change })
    t.match(await settings({ title: 'Friends' }), { changed: false, message: undefined })
    t.match(await settings({ visibility: 'private' }), { changed: false })
    t.match(await settings({ visibility: 'public', data: { b: 1, a: 2 } }), { changed: true, message: undefined })
    t.match(await settings({ title: 'friends' }), { changed: true, message: { seq: 1, message: 'friends' } })
    const chat = await chats.find(group.id, ann.id)
    t.match(chat, { title: 'friends', visibility: 'public', seq: 1 })
    t.equal(JSON.stringify(chat?.data), '{"b":1,"a":2}')
  })
}
