import t, { type Test } from 'tap'
import type { Change } from '../../src/db/changes.ts'
import { build, type Client, type Json, type Reply } from '../helper.ts'
import { intercept } from '../repository.ts'
import { until } from '../until.ts'
import { outcome } from './group.ts'
import { countSubmits } from './submits.ts'

// Requests that are allowed when they come, and not any more when their turn comes: the transaction decides.

type Names = 'olga' | 'adam' | 'bert' | 'cora'
type Ask = (people: Record<Names, Client>, path: string) => Promise<Reply<Json>>

/**
 * Makes these requests in a public chat of olga (its owner), adam (an admin) and bert, which cora has not joined. All of
 * them pass their routes first, and are then made in one transaction, in their order.
 */
async function together(t: Test, asks: Ask[]) {
  const server = await build(t)
  const { path, people } = await server.chat('olga', 'adam', 'bert')
  const [olga, adam, bert] = people
  const cora = await server.account('cora')
  await olga.put(`${path}/members/${adam.user.id}`, { role: 'admin' })
  await olga.patch(path, { visibility: 'public' })
  await olga.post(`${path}/messages`, { message: 'first' })
  const submits = countSubmits(t)
  const batches: string[][] = []
  const allAsked = Promise.withResolvers<void>()
  intercept(server.app.db.log, 'append', async (call, changes: Change[]) => {
    if (batches.push(changes.map(({ type }) => type)) === 1) await allAsked.promise
    return call()
  })
  const begun = bert.put(`${path}/read`, { id: 0 })
  await until(() => batches.length > 0)
  const replies: Promise<Reply<Json>>[] = []
  for (const [i, ask] of asks.entries()) {
    let answered = false
    const reply = ask({ olga, adam, bert, cora }, path).finally(() => {
      answered = true
    })
    replies.push(reply)
    // Whoever is refused on the way has an answer, and does not reach the log.
    await until(() => submits() >= 2 + i || answered)
  }
  allAsked.resolve()
  const outcomes = (await Promise.all(replies)).map(outcome)
  await begun
  const sizes = batches.map(({ length }) => length)
  t.strictSame(sizes.slice(0, 2), [1, asks.length], `one transaction: ${batches.join(' | ')}`)
  const roles = Object.fromEntries(
    ((await olga.get(`${path}/members`)).body.items ?? []).map(({ user, role }: Json) => [user.username, role])
  )
  return { outcomes, roles }
}

const setRole =
  (by: Names, whom: Names, role?: string): Ask =>
  (people, path) =>
    people[by].put(`${path}/members/${people[whom].user.id}`, role ? { role } : {})
const remove =
  (by: Names, whom: Names): Ask =>
  (people, path) =>
    people[by].delete(`${path}/members/${people[whom].user.id}`)
const demoteAdam = setRole('olga', 'adam', 'member')

const cases: [name: string, asks: Ask[], outcomes: string[], roles?: Record<string, string>][] = [
  ['an admin who was demoted removes nobody', [demoteAdam, remove('adam', 'bert')], ['200', '403 ADMIN_REQUIRED']],
  [
    'an admin removes nobody who became an owner',
    [setRole('olga', 'bert', 'owner'), remove('adam', 'bert')],
    ['200', '403 OWNER_REQUIRED']
  ],
  ['an admin who was demoted adds nobody', [demoteAdam, setRole('adam', 'cora')], ['200', '403 ADMIN_REQUIRED']],
  [
    'an admin who was demoted renames nothing',
    [demoteAdam, ({ adam }, path) => adam.patch(path, { title: 'Mine' })],
    ['200', '403 ADMIN_REQUIRED']
  ],
  [
    'an admin who was demoted deletes no message of others',
    [demoteAdam, ({ adam }, path) => adam.delete(`${path}/messages/1`)],
    ['200', '403 ADMIN_REQUIRED']
  ],
  [
    'an admin who was removed changes nothing',
    [remove('olga', 'adam'), ({ adam }, path) => adam.patch(path, { visibility: 'private' })],
    ['204', '403 NOT_A_MEMBER']
  ],
  [
    'nobody joins a chat that became private',
    [({ olga }, path) => olga.patch(path, { visibility: 'private' }), ({ cora }, path) => cora.post(`${path}/join`)],
    ['200', '404 CHAT_NOT_FOUND']
  ],
  [
    'an owner who was demoted does not delete the chat',
    [setRole('olga', 'bert', 'owner'), setRole('olga', 'olga', 'member'), ({ olga }, path) => olga.delete(path)],
    ['200', '200', '403 OWNER_REQUIRED']
  ],
  [
    'the last owner of two who leave the role at once stays',
    [setRole('olga', 'bert', 'owner'), setRole('olga', 'olga', 'member'), setRole('olga', 'bert', 'member')],
    ['200', '200', '403 ADMIN_REQUIRED'],
    { olga: 'member', bert: 'owner' }
  ],
  [
    'a role is given to somebody who joins in the same moment',
    [({ cora }, path) => cora.post(`${path}/join`), setRole('olga', 'cora', 'admin')],
    ['200', '200'],
    { cora: 'admin' }
  ],
  [
    'who was given a role keeps it when they join',
    [setRole('olga', 'cora', 'admin'), ({ cora }, path) => cora.post(`${path}/join`)],
    ['200', '200'],
    { cora: 'admin' }
  ],
  [
    'of two who add somebody, the one who gives a role counts',
    [setRole('adam', 'cora'), setRole('olga', 'cora', 'admin')],
    ['200', '200'],
    { cora: 'admin' }
  ]
]

for (const [name, asks, expected, roles] of cases) {
  t.test(name, async t => {
    const result = await together(t, asks)
    t.strictSame(result.outcomes, expected)
    if (roles) t.match(result.roles, roles)
  })
}
