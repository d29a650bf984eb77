import t from 'tap'
import { build } from '../helper.ts'
import { laterTime } from '../until.ts'
import { group, memberAt, outcome, rolesIn, toldIn } from './group.ts'

const server = await build(t)
const [ann, bob, cyd] = [await server.account('ann'), await server.account('bob'), await server.account('cyd')]
const [dan, eve] = [await server.account('dan'), await server.account('eve')]

t.test('when the last owner leaves, the longest-standing admin is the next', async t => {
  const chat = await group(ann, [bob])
  await ann.put(memberAt(chat, eve), { role: 'admin' })
  await laterTime()
  await ann.put(memberAt(chat, dan), { role: 'admin' })
  t.equal(outcome(await ann.delete(memberAt(chat, ann))), '204')
  t.strictSame(await rolesIn(chat, bob), ['bob member', 'dan admin', 'eve owner'])
})

t.test('without an admin, the longest-standing member is the next owner', async t => {
  const chat = await group(ann)
  await ann.put(memberAt(chat, eve), {})
  await laterTime()
  await ann.put(memberAt(chat, bob), {})
  await ann.delete(memberAt(chat, ann))
  t.strictSame(await rolesIn(chat, bob), ['bob member', 'eve owner'])
})

t.test('an owner who leaves another one behind promotes nobody', async t => {
  const chat = await group(ann, [bob, cyd])
  await ann.put(memberAt(chat, cyd), { role: 'owner' })
  await ann.delete(memberAt(chat, ann))
  t.strictSame(await rolesIn(chat, cyd), ['bob member', 'cyd owner'])
})

t.test('a public chat that everybody left belongs to who joins next, and keeps its history', async t => {
  const chat = await group(ann, [bob], { visibility: 'public' })
  await ann.post(`${chat.path}/messages`, { message: 'Hello' })
  await Promise.all([ann.delete(memberAt(chat, ann)), bob.delete(memberAt(chat, bob))])
  t.equal(outcome(await ann.get(chat.path)), '403 NOT_A_MEMBER')
  t.match((await cyd.post(`${chat.path}/join`)).body, { role: 'owner', seq: 4 })
  t.match((await dan.post(`${chat.path}/join`)).body, { role: 'member', seq: 5 })
  t.strictSame(
    (await toldIn(chat, cyd)).filter(told => told.startsWith('text')),
    ['text ann']
  )
})
