import t, { type Test } from 'tap'
import { Contract } from '../contract.ts'
import { build, type Client, type Json, type Reply } from '../helper.ts'
import { type Instead, type Operation, operationsOf } from './operations.ts'

// Every error that /openapi.json lists, caused by a client. That nothing else comes, in any test, is for `request` of
// the helper to check.

/** Errors that no client can cause. */
const OURS = ['INTERNAL', 'OVERLOADED', 'SHUTTING_DOWN', 'STORAGE_FAILED']

/** Errors of two requests in one moment, or of a thousand sockets, by operation. */
const RARE: Record<string, string> = {
  createChat: 'CHAT_NOT_FOUND',
  setMember: 'MEMBER_NOT_FOUND',
  openSocket: 'TOO_MANY_SOCKETS'
}

const LIMITED = 'RATE_LIMITED'
const NOBODY = 999_999
const server = await build(t)
const operations = operationsOf(server.app.swagger())
const { path, people } = await server.chat('ann', 'bob', 'cas')
const [ann, bob, cas] = people
const eve = await server.account('eve')
await ann.put(`${path}/members/${cas.user.id}`, { role: 'admin' })
await ann.post(`${path}/messages`, { message: 'Hello', client_id: 'used' })
const { body: open } = await ann.post('/chats', { title: 'Open', visibility: 'public' })
const { body: direct } = await ann.post('/chats/direct', { user_id: bob.user.id })
const { body: deleted } = await ann.post(`${path}/messages`, { message: 'x' })
await ann.delete(`${path}/messages/${deleted.id}`)
const { body: crowded } = await ann.post(`${path}/messages`, { message: 'x' })
for (let i = 0; i < 20; i++) await ann.put(`${path}/messages/${crowded.id}/reactions/${i}`)
await bob.post(`/chats/${open.id}/join`)
const closed = await build(t, { REGISTRATION: 'closed' })

type Cause = (operation: Operation) => Promise<Reply<Json>>

/** Sends the operation with something else. */
const as =
  (who: Client, instead: Instead = {}): Cause =>
  operation =>
    operation.send(who, instead)

/** Asks for a chat in its path or, where it has none, in its query. */
const inChat = (who: Client, chat_id: number): Cause => {
  return operation => {
    const query = `chat_id=${chat_id}`
    if (operation.name === 'openSocket') return who.refused(`/ws?${query}`)
    return operation.send(who, operation.name === 'searchMessages' ? { query } : { params: { chat_id } })
  }
}

const origin = { origin: 'https://elsewhere.example' }
const message = (id: number) => ({ params: { id } })

/** What a client does to be refused with a code. */
const CAUSES: Record<string, Cause> = {
  VALIDATION_FAILED: as(ann, { query: 'colour=red' }),
  BAD_REQUEST: as(ann, { query: 'colour=%ff' }),
  INVALID_CURSOR: as(ann, { query: 'cursor=x' }),
  INVALID_JSON: as(ann, { body: '{' }),
  BODY_TOO_LARGE: as(ann, { body: `"${'x'.repeat(200_000)}"` }),
  UNSUPPORTED_MEDIA_TYPE: as(ann, { body: '{}', headers: { 'content-type': 'text/plain' } }),
  FOREIGN_ORIGIN: operation =>
    operation.name === 'openSocket' ? ann.refused('/ws?chat_id=1', origin) : operation.send(ann, { headers: origin }),
  UNAUTHENTICATED: as(server.stranger()),
  CHAT_NOT_FOUND: inChat(eve, 1),
  NOT_A_MEMBER: inChat(eve, open.id),
  ADMIN_REQUIRED: as(bob),
  OWNER_REQUIRED: operation =>
    operation.send(
      cas,
      operation.name === 'setMember' ? { params: { user_id: bob.user.id }, body: { role: 'owner' } } : {}
    ),
  DIRECT_CHAT: as(ann, { params: { chat_id: direct.id, user_id: bob.user.id } }),
  MESSAGE_NOT_FOUND: as(ann, message(NOBODY)),
  MESSAGE_DELETED: as(ann, message(deleted.id)),
  NOT_THE_SENDER: as(bob),
  NOT_EDITABLE: as(bob, { params: { chat_id: open.id } }),
  TOO_MANY_REACTIONS: as(ann, message(crowded.id)),
  REPLY_TO_NOT_FOUND: as(ann, { body: { message: 'x', reply_to: NOBODY } }),
  CLIENT_ID_REUSED: as(ann, { body: { message: 'x', client_id: 'used' } }),
  USER_NOT_FOUND: operation =>
    operation.send(ann, {
      params: { user_id: NOBODY },
      ...(operation.name === 'createChat' && { body: { title: 'x', member_ids: [NOBODY] } }),
      ...(operation.name === 'openDirectChat' && { body: { user_id: NOBODY } })
    }),
  MEMBER_NOT_FOUND: as(ann, { params: { user_id: NOBODY } }),
  LAST_OWNER: as(ann, { body: { role: 'member' } }),
  SESSION_NOT_FOUND: as(ann),
  REGISTRATION_CLOSED: as(closed.stranger()),
  USERNAME_TAKEN: as(server.stranger()),
  BAD_CREDENTIALS: as(server.stranger(), { body: { username: 'ann', password: 'wrong' } }),
  WRONG_PASSWORD: as(ann, { body: { current_password: 'wrong', new_password: 'battery staple' } }),
  UPGRADE_REQUIRED: as(ann)
}

for (const operation of operations) {
  t.test(`${operation.name} is refused in every way that the document lists`, async t => {
    const { name, errors } = operation
    const causable = errors.filter(([, code]) => ![...OURS, LIMITED, RARE[name]].includes(code))
    t.ok(causable.length > 0)
    for (const [status, code] of causable) {
      t.match(await CAUSES[code]?.(operation), { status, body: { statusCode: status, code, message: /\w/ } }, code)
    }
  })
}

/** Uses up the limits of an account and of its address. */
async function useUp({ server, cookie }: Client): Promise<void> {
  for (const [count, method, url] of [
    [301, 'DELETE', '/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA'],
    [101, 'GET', '/search?query=x'],
    [301, 'POST', '/auth/register'],
    [301, 'POST', '/auth/login'],
    [301, 'POST', '/auth/password']
  ] as const) {
    const request = { method, url, headers: { cookie } }
    await Promise.all(Array.from({ length: count }, () => server.app.inject(request)))
  }
}

function stopTheClock(t: Test): void {
  const { now } = performance
  const stopped = performance.now()
  performance.now = () => stopped
  t.teardown(() => {
    performance.now = now
  })
}

t.test('every operation that is limited says so, and when to come back', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const { path, people } = await server.chat('ann')
  await people[0].post(`${path}/messages`, { message: 'Hello' })
  stopTheClock(t)
  await useUp(people[0])
  for (const operation of operations) {
    const reply = await operation.send(people[0])
    const limited = operation.errors.some(([, code]) => code === LIMITED)
    t.equal(reply.status === 429, limited, operation.name)
    if (limited) t.match(reply.headers.get('retry-after'), /^[1-9]\d*$/, operation.name)
  }
})

t.test('a reply against the document does not go unnoticed', async t => {
  const contract = new Contract(server.app.swagger())
  const reply = await ann.get('/auth/me')
  const { headers } = reply
  const wrong = (change: Partial<Reply<Json>>, method = 'GET', path = '/auth/me') =>
    contract.wrongWith(method, path, { ...reply, ...change })
  const error = (code: string) => ({ statusCode: 404, code, error: 'Not Found', message: '' })
  t.equal(wrong({}), undefined)
  t.match(wrong({ status: 418 }), /418 is not documented/)
  t.match(wrong({ body: { ...reply.body, id: 'x' } }), /must be integer/)
  t.match(wrong({ headers: new Headers([...headers, ['allow', 'GET']]) }), /headers that are not documented: allow/)
  t.match(wrong({ status: 503, body: error('OVERLOADED') }), /503 lacks Retry-After/)
  t.match(wrong({ status: 404, body: error('CHAT_NOT_FOUND') }, 'GET', '/users/1'), /CHAT_NOT_FOUND is not documented/)
  t.equal(wrong({ status: 404, body: error('USER_NOT_FOUND') }, 'GET', '/users/1?x'), undefined)
  t.match(wrong({ status: 204 }, 'DELETE', '/chats/1'), /has no body/)
  t.equal(wrong({ status: 418 }, 'GET', '/docs'), undefined, 'is no operation')
})
