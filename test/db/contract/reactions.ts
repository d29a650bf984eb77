import type { Test } from 'tap'
import type { Sender } from '../../../src/schemas/message.ts'
import { type Fixture, type Group, messageOf } from './fixture.ts'

export async function reactionCases(t: Test, fixture: Fixture): Promise<void> {
  const { messages, log } = fixture.db

  const react = async (group: Group, user: Sender, emoji: string) =>
    (await group.append(user, { type: 'react', id: 1, emoji })).message
  const unreact = async (group: Group, user: Sender, emoji: string) =>
    (await group.append(user, { type: 'unreact', id: 1, emoji })).message

  async function groupOf(count: number) {
    const people = await fixture.users(count)
    const [ann, ...others] = people as [Sender, ...Sender[]]
    const group = await fixture.group(ann, ...others)
    await group.send(ann, 'hello')
    /** What the log returns must be what is read. */
    const same = async (t: Test, message: unknown) => t.strictSame(message, await messages.find(group.id, 1))
    return { people, group, same }
  }

  await t.test('emoji are in the order of their first use, users in the order of theirs', async t => {
    const { people, group, same } = await groupOf(3)
    const [ann, bob, cas] = people as [Sender, Sender, Sender]
    await react(group, cas, 'b')
    await react(group, bob, 'a')
    await react(group, ann, 'b')
    const message = await react(group, bob, 'b')
    t.match(message, { id: 1, seq: 5 })
    t.strictSame(message?.reactions, [
      { emoji: 'b', count: 3, user_ids: [cas.id, ann.id, bob.id] },
      { emoji: 'a', count: 1, user_ids: [bob.id] }
    ])
    await same(t, message)
    const moved = await unreact(group, cas, 'b')
    t.strictSame(moved?.reactions, [
      { emoji: 'a', count: 1, user_ids: [bob.id] },
      { emoji: 'b', count: 2, user_ids: [ann.id, bob.id] }
    ])
    await same(t, moved)
    const again = await react(group, cas, 'b')
    t.strictSame(again?.reactions?.[1], { emoji: 'b', count: 3, user_ids: [ann.id, bob.id, cas.id] })
    await same(t, again)
  })

  await t.test('emoji are compared by code points', async t => {
    const { people, group, same } = await groupOf(1)
    const [ann] = people as [Sender]
    const emoji = ['\u{1f44d}', '\u{1f44d}\u{1f3fd}', '\u2764', '\u2764\ufe0f', 'x', 'X']
    for (const one of emoji) await react(group, ann, one)
    const message = await messages.find(group.id, 1)
    t.strictSame(
      message?.reactions?.map(reaction => [reaction.emoji, reaction.count]),
      emoji.map(one => [one, 1])
    )
    await same(t, await unreact(group, ann, 'X'))
  })

  await t.test('a repetition changes nothing', async t => {
    const { people, group } = await groupOf(1)
    const [ann] = people as [Sender]
    const first = await group.append(ann, { type: 'react', id: 1, emoji: 'x' })
    t.match(first, { changed: true, message: { seq: 2 } })
    const second = await group.append(ann, { type: 'react', id: 1, emoji: 'x' })
    t.strictSame(second, { changed: false, message: first.message })
    const none = await group.append(ann, { type: 'unreact', id: 1, emoji: 'y' })
    t.strictSame(none, second)
    const removed = await group.append(ann, { type: 'unreact', id: 1, emoji: 'x' })
    t.notOk('reactions' in (removed.message as object))
    t.match(removed, { changed: true, message: { seq: 3 } })
  })

  await t.test('a message has 20 different emoji at most', async t => {
    const { people, group } = await groupOf(2)
    const [ann, bob] = people as [Sender, Sender]
    for (let i = 0; i < 20; i++) await react(group, ann, `e${i}`)
    t.equal(await group.refused(bob, { type: 'react', id: 1, emoji: 'more' }), 'TOO_MANY_REACTIONS')
    t.match(await react(group, bob, 'e0'), { seq: 22 })
    await unreact(group, ann, 'e19')
    t.match(await react(group, bob, 'more'), { seq: 24 })
  })

  await t.test('100 users of an emoji are named, all are counted', async t => {
    const { people, group, same } = await groupOf(120)
    const changes = people.map(user => group.change(user, { type: 'react', id: 1, emoji: 'x' }))
    const results = await log.append(changes)
    const message = messageOf(results.at(-1))
    t.strictSame(message.reactions?.[0], {
      emoji: 'x',
      count: 120,
      user_ids: people.slice(0, 100).map(({ id }) => id)
    })
    await same(t, message)
    const fewer = await unreact(group, people[0] as Sender, 'x')
    t.match(fewer?.reactions?.[0], { count: 119, user_ids: people.slice(1, 101).map(({ id }) => id) })
    await same(t, fewer)
  })
}
