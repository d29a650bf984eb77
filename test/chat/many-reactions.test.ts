import fc from 'fast-check'
import t from 'tap'
import type { Message } from '../../src/schemas/message.ts'
import { build } from '../helper.ts'

// What a change of a reaction answers is what is read later, however many react.

const EMOJI = ['👍', '😀', '🎉']

t.test('any order of reactions: every answer is what is read', async t => {
  const server = await build(t)
  const { log, messages, chats, users } = server.app.db
  const people: { id: number; username: string }[] = []
  for (let n = 0; n < 4; n++) {
    const user = await users.create({ username: `user${n}`, password_hash: 'x' })
    people.push({ id: user?.id as number, username: `user${n}` })
  }
  const [owner] = people as [(typeof people)[0]]
  const step = fc.record({
    type: fc.constantFrom('react' as const, 'unreact' as const),
    who: fc.nat(people.length - 1),
    emoji: fc.constantFrom(...EMOJI)
  })
  await server.sql(`create trigger boom before insert on messages when new.text = 'boom'
    begin select raise(abort, 'boom'); end`)
  const chat_id = await chats.create(owner.id, { title: 'x', member_ids: people.slice(1).map(({ id }) => id) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(10), async (steps, failing) => {
      const [sent] = await log.append([{ type: 'send', chat_id, user: owner, text: 'x' }])
      const { id } = (sent as { message: Message }).message
      for (const [i, { type, who, emoji }] of steps.entries()) {
        const user = people[who] as (typeof people)[0]
        // A batch that fails is made again, one by one.
        const boom = i === failing ? [{ type: 'send' as const, chat_id, user, text: 'boom' }] : []
        const [outcome] = await log.append([{ type, chat_id, id, user, emoji }, ...boom])
        const { message } = outcome as { message: Message }
        t.strictSame(message, await messages.find(chat_id, id))
      }
    }),
    { numRuns: 40 }
  )
})

t.test('more than a hundred people react: all are counted, the first hundred named', async t => {
  const server = await build(t)
  const { path, people, id: chat_id } = await server.chat('ann')
  const [ann] = people
  const { log, users } = server.app.db
  await ann.post(`${path}/messages`, { message: 'hello' })
  const crowd: { id: number; username: string }[] = []
  for (let n = 0; n < 150; n++) {
    const user = await users.create({ username: `crowd${n}`, password_hash: 'x' })
    crowd.push({ id: user?.id as number, username: `crowd${n}` })
  }
  const user = { id: ann.user.id, username: 'ann' }
  await log.append(crowd.map(member => ({ type: 'set_member' as const, chat_id, user, member })))
  const react = (type: 'react' | 'unreact', by: typeof crowd) =>
    log.append(by.map(one => ({ type, chat_id, id: 1, user: one, emoji: '👍' })))
  await react('react', crowd)
  const shown = async () => (await ann.get(`${path}/messages/1`)).body.reactions
  const ids = crowd.map(({ id }) => id)
  t.strictSame(await shown(), [{ emoji: '👍', count: 150, user_ids: ids.slice(0, 100) }])
  const [outcome] = await react('unreact', crowd.slice(5, 6))
  const expected = [{ emoji: '👍', count: 149, user_ids: [...ids.slice(0, 5), ...ids.slice(6, 101)] }]
  t.strictSame((outcome as { message: Message }).message.reactions, expected)
  t.strictSame(await shown(), expected)
})

t.test('a page of messages to which very many people reacted leaves turns to others', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  await server.sql(`insert into users (username, display_name, password_hash, created_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < 10000)
    select 'crowd' || value, 'x', 'x', 1 from n`)
  for (let n = 0; n < 10; n++) await ann.post(`${path}/messages`, { message: 'hello' })
  for (let id = 1; id <= 10; id++) await ann.put(`${path}/messages/${id}/reactions/👍`)
  await server.sql(`insert into reactions (chat_id, message_id, user_id, emoji, created_at, seq)
    select chat_id, messages.id, users.id, '👍', 1, 1000 from messages, users where username like 'crowd%'`)
  let turns = 0
  let reading = true
  const count = () => {
    turns++
    if (reading) setImmediate(count)
  }
  const reply = server.app.db.messages.history(1, { limit: 10 })
  setImmediate(count)
  const { items } = await reply
  reading = false
  t.strictSame([...new Set(items.map(({ reactions }) => reactions?.[0]?.count))], [10_001])
  t.ok(turns >= 2, `${turns} turns of the event loop`)
})
