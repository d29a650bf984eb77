import t from 'tap'
import { build, type Client } from '../helper.ts'
import { group } from './group.ts'

const server = await build(t)
const people = {
  nobody: server.stranger(),
  stranger: await server.account('stranger'),
  ex: await server.account('ex-member'),
  member: await server.account('member'),
  admin: await server.account('admin'),
  owner: await server.account('owner')
}
const other = await server.account('other')
const newcomer = await server.account('newcomer')
const ABSENT = 999_999

const ADMIN = '403 ADMIN_REQUIRED'
const OWNER = '403 OWNER_REQUIRED'
const SENDER = '403 NOT_THE_SENDER'

interface Route {
  route: string
  body?: object
  /** What a member, an admin and an owner get. Message 1 is from `other`. */
  answers: [member: string, admin: string, owner: string]
  /** What anybody else gets when the chat is public, unless they have to join first. */
  open?: string
}

const routes: Route[] = [
  { route: 'GET /chats/:id', answers: ['200', '200', '200'] },
  { route: 'PATCH /chats/:id', body: { title: 'New' }, answers: [ADMIN, '200', '200'] },
  { route: 'PATCH /chats/:id', body: { visibility: 'public' }, answers: [ADMIN, '200', '200'] },
  { route: 'DELETE /chats/:id', answers: [OWNER, OWNER, '204'] },
  { route: 'POST /chats/:id/join', answers: ['200', '200', '200'], open: '200' },
  { route: 'PUT /chats/:id/read', body: { id: 1 }, answers: ['200', '200', '200'] },
  { route: 'GET /chats/:id/members', answers: ['200', '200', '200'] },
  { route: `PUT /chats/:id/members/${newcomer.user.id}`, body: {}, answers: [ADMIN, '200', '200'] },
  { route: `PUT /chats/:id/members/${newcomer.user.id}`, body: { role: 'admin' }, answers: [ADMIN, OWNER, '200'] },
  { route: `PUT /chats/:id/members/${other.user.id}`, body: { role: 'owner' }, answers: [ADMIN, OWNER, '200'] },
  { route: `DELETE /chats/:id/members/${other.user.id}`, answers: [ADMIN, '204', '204'] },
  { route: `DELETE /chats/:id/members/${people.owner.user.id}`, answers: [ADMIN, OWNER, '204'] },
  { route: 'GET /chats/:id/messages', answers: ['200', '200', '200'] },
  { route: 'POST /chats/:id/messages', body: { message: 'Hi' }, answers: ['201', '201', '201'] },
  { route: 'GET /chats/:id/messages/1', answers: ['200', '200', '200'] },
  { route: 'PATCH /chats/:id/messages/1', body: { message: 'Hi' }, answers: [SENDER, SENDER, SENDER] },
  { route: 'DELETE /chats/:id/messages/1', answers: [ADMIN, '200', '200'] },
  { route: 'GET /ws?chat_id=:id', answers: ['426 UPGRADE_REQUIRED', '426 UPGRADE_REQUIRED', '426 UPGRADE_REQUIRED'] }
]

/** The whole answer to one request, but for its date. */
async function ask({ cookie }: Client, { route, body }: Route, chat_id: number) {
  const [method = '', path = ''] = route.replace(':id', String(chat_id)).split(' ')
  const headers = { ...(cookie && { cookie }), ...(body && { 'content-type': 'application/json' }) }
  const reply = await fetch(server.url + path, { method, headers, body: body ? JSON.stringify(body) : null })
  const text = await reply.text()
  const code = reply.ok ? '' : ` ${JSON.parse(text).code}`
  const kept = [...reply.headers].filter(([name]) => name !== 'date')
  return { outcome: `${reply.status}${code}`, whole: JSON.stringify([reply.status, kept, text]) }
}

/** A chat in which everybody of `people` is what they are called, and one message of `other`. */
async function chat(visibility: 'private' | 'public'): Promise<number> {
  const { owner, admin, member, ex } = people
  const { id, path } = await group(owner, [admin, member, ex, other], { visibility })
  await other.post(`${path}/messages`, { message: 'Hello' })
  await owner.put(`${path}/members/${admin.user.id}`, { role: 'admin' })
  await ex.delete(`${path}/members/${ex.user.id}`)
  return id
}

for (const route of routes) {
  const { route: name, body, answers, open = '403 NOT_A_MEMBER' } = route
  const [member, admin, owner] = answers
  const unseen = '404 CHAT_NOT_FOUND'

  t.test(`${name}${body ? ` ${JSON.stringify(body)}` : ''} answers everybody as their role says`, async t => {
    const expected = {
      private: { nobody: '401 UNAUTHENTICATED', stranger: unseen, ex: unseen, member, admin, owner },
      public: { nobody: '401 UNAUTHENTICATED', stranger: open, ex: open, member, admin, owner }
    }
    for (const visibility of ['private', 'public'] as const) {
      for (const who of Object.keys(people) as (keyof typeof people)[]) {
        const { outcome } = await ask(people[who], route, await chat(visibility))
        t.equal(outcome, expected[visibility][who], `${who}, ${visibility}`)
      }
    }
  })

  t.test(`${name}${body ? ` ${JSON.stringify(body)}` : ''} does not tell a private chat from none`, async t => {
    const id = await chat('private')
    for (const who of ['nobody', 'stranger', 'ex'] as const) {
      const [hidden, absent] = [await ask(people[who], route, id), await ask(people[who], route, ABSENT)]
      t.equal(hidden.whole, absent.whole, who)
    }
  })
}

t.test('a direct chat is hidden from everybody else, and has no admin', async t => {
  const { member, owner, stranger } = people
  const { body } = await member.post('/chats/direct', { user_id: owner.user.id })
  await owner.post(`/chats/${body.id}/messages`, { message: 'Hello' })
  for (const route of routes) {
    t.equal((await ask(stranger, route, body.id)).whole, (await ask(stranger, route, ABSENT)).whole, route.route)
  }
  t.equal((await ask(member, { route: 'DELETE /chats/:id/messages/1', answers: ['', '', ''] }, body.id)).outcome, ADMIN)
})

t.test('a request that is not valid is refused alike for a private chat and for none', async t => {
  const id = await chat('private')
  for (const { route, body } of routes.filter(({ body }) => body)) {
    const wrong = { route, body: { ...body, unknown: true }, answers: ['', '', ''] } satisfies Route
    const hidden = await ask(people.stranger, wrong, id)
    t.equal(hidden.outcome, '400 VALIDATION_FAILED', route)
    t.equal(hidden.whole, (await ask(people.stranger, wrong, ABSENT)).whole, route)
  }
})

t.test('a chat that becomes private is hidden at once, one that becomes public found', async t => {
  const id = await chat('public')
  const route: Route = { route: 'GET /chats/:id', answers: ['', '', ''] }
  t.equal((await ask(people.stranger, route, id)).outcome, '403 NOT_A_MEMBER')
  await people.admin.patch(`/chats/${id}`, { visibility: 'private' })
  t.equal((await ask(people.stranger, route, id)).outcome, '404 CHAT_NOT_FOUND')
  t.equal((await ask(people.member, route, id)).outcome, '200')
  await people.admin.patch(`/chats/${id}`, { visibility: 'public' })
  t.equal((await ask(people.stranger, route, id)).outcome, '403 NOT_A_MEMBER')
})

t.test('a session that was logged out reaches no chat', async t => {
  const id = await chat('public')
  const leaving = await server.login('member')
  await leaving.post('/auth/logout')
  for (const route of routes) t.equal((await ask(leaving, route, id)).outcome, '401 UNAUTHENTICATED', route.route)
})
