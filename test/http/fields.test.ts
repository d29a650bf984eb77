import t, { type Test } from 'tap'
import { build, type Client, type Json } from '../helper.ts'

// What a form needs to know of a request that is not valid: which field is wrong, and what would be right.

const server = await build(t)
const { id, path, people } = await server.chat('ann', 'bob')
const [ann] = people
const nobody = server.stranger()
await ann.post(`${path}/messages`, { message: 'Hello' })
const message = `${path}/messages/1`
const LONG = 'k'.repeat(200)

type Case = [method: string, path: string, body: unknown, field: string | undefined, message?: RegExp]

function refused(field: string | undefined, message: RegExp) {
  return { status: 400, body: { code: 'VALIDATION_FAILED', message, field } }
}

async function check(t: Test, who: Client, cases: Case[]) {
  for (const [method, path, body, field, message = /./] of cases) {
    const reply = await who.request(method, path, body)
    const name = `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)}`
    t.match(reply, refused(field, message), name)
    t.equal('field' in reply.body, field !== undefined, name)
  }
}

t.test('a body names the field that is wrong', async t => {
  const password = 'correct horse'
  await check(t, nobody, [
    [
      'POST',
      '/auth/register',
      { username: 'x', password },
      'username',
      /^body\/username must be 3 to 32 characters of a/
    ],
    ['POST', '/auth/register', { username: 'x y z', password }, 'username', /a-z 0-9 _ \. -$/],
    ['POST', '/auth/register', { username: 'ann' }, 'password', /'password'/],
    ['POST', '/auth/register', { password }, 'username', /'username'/],
    ['POST', '/auth/register', {}, 'username'],
    [
      'POST',
      '/auth/register',
      { username: 'cas', password: 'short' },
      'password',
      /password must be 8 to 128 characters/
    ],
    ['POST', '/auth/register', { username: 'cas', password: 1 }, 'password', /must be string/],
    ['POST', '/auth/register', { username: 'cas', password, display_name: ' ' }, 'display_name', /on one line/],
    ['POST', '/auth/register', { username: 'cas', password, display_name: '' }, 'display_name', /1 to 64 characters/],
    ['POST', '/auth/register', { username: 'cas', password, email: 'x' }, 'email', /"email"/],
    ['POST', '/auth/register', [], undefined],
    ['POST', '/auth/register', undefined, undefined]
  ])
  await check(t, ann, [
    [
      'POST',
      '/chats',
      { title: 'x', visibility: 'secret' },
      'visibility',
      /visibility must be one of: private, public$/
    ],
    ['POST', '/chats', { title: 'x', member_ids: ['2'] }, 'member_ids/0', /^body\/member_ids\/0 must be integer$/],
    ['POST', '/chats', { title: 'x', member_ids: [1, 2, 0] }, 'member_ids/2'],
    ['POST', '/chats', { title: 'x', member_ids: [2, 2] }, 'member_ids'],
    ['POST', '/chats', { title: 'x', data: 'x' }, 'data'],
    ['POST', '/chats', { title: 'x', data: { x: 'x'.repeat(5000) } }, 'data', /data must be at most 4096 bytes/],
    ['POST', '/chats', { title: 'x', [LONG]: 1 }, LONG.slice(0, 50)],
    ['POST', '/chats', { title: 'x', '': 1 }, ''],
    ['POST', '/chats', { title: 'x', 'a/b~c': 1 }, 'a/b~c'],
    ['POST', '/chats', { title: 'x', [`${'k'.repeat(49)}😀`]: 1 }, `${'k'.repeat(49)}\ufffd`],
    ['POST', '/chats/direct', { user_id: ann.user.id }, 'user_id', /^body\/user_id must be somebody else$/],
    ['POST', `${path}/messages`, { message: '' }, 'message', /message must be 1 to 10,000 characters/],
    ['POST', `${path}/messages`, { message: 'a\u0000b' }, 'message', /U\+0000/],
    ['POST', `${path}/messages`, { message: 'x', client_id: '\ud800' }, 'client_id', /1 to 128 characters/],
    ['POST', `${path}/messages`, { message: 'x', reply_to: 0 }, 'reply_to'],
    ['PATCH', message, {}, undefined],
    ['PUT', `${path}/read`, {}, 'id', /'id'/],
    ['PUT', `${path}/members/2`, { role: 'king' }, 'role', /role must be one of: member, admin, owner$/],
    ['POST', `${path}/join`, { invitation: 'x' }, 'invitation', /^body must be empty$/],
    ['DELETE', `${message}/reactions/x`, [1], undefined, /^body must be empty$/]
  ])
})

t.test('so does a part of the URL', async t => {
  await check(t, ann, [
    ['GET', '/chats/abc', undefined, 'chat_id', /^params\/chat_id must be integer$/],
    ['GET', `${path}/messages/0`, undefined, 'id'],
    ['PUT', `${message}/reactions/%20`, undefined, 'emoji', /emoji must be 1 to 32 characters/],
    ['GET', '/chats?limit=0', undefined, 'limit', /^querystring\/limit must be >= 1$/],
    ['GET', '/chats?limit=x', undefined, 'limit'],
    ['GET', '/chats?colour=red', undefined, 'colour', /^querystring .*"colour"$/],
    ['GET', `/auth/me?${LONG}=1`, undefined, LONG.slice(0, 50)],
    ['GET', '/search', undefined, 'query', /'query'/],
    [
      'GET',
      `/search?query=${Array.from({ length: 51 }, (_, i) => `w${i}`).join('+')}`,
      undefined,
      'query',
      /at most 50/
    ],
    ['GET', '/users?ids=1,x', undefined, 'ids', /ids must be up to 100 ids, separated by commas$/],
    ['GET', '/users?ids=1&query=a', undefined, 'ids'],
    ['GET', `${path}/messages?before=5&after=1`, undefined, 'after', /only one of before, after, around/],
    ['GET', `${path}/messages?around=5&before=1`, undefined, 'around'],
    ['GET', '/chats?limit=1&limit=2', undefined, 'limit']
  ])
})

t.test('so does the upgrade to a socket', async t => {
  t.match(await ann.refused('/ws'), refused('chat_id', /'chat_id'/))
  t.match(await ann.refused('/ws?after=1', { 'sec-websocket-protocol': 'confab.v1' }), refused('chat_id', /'chat_id'/))
  t.match(await ann.refused('/ws?chat_id=x'), refused('chat_id', /must be integer/))
  t.match(await ann.refused(`/ws?chat_id=${id}&x=1`), refused('x', /"x"/))
})

t.test('so does a frame', async t => {
  const all = await ann.v1('')
  const cases: [frame: object, field: string | undefined, detail?: RegExp][] = [
    [{ message: '', chat_id: id }, 'message', /^frame\/message must be 1 to 10,000 characters/],
    [{ chat_id: id }, 'message', /'message'/],
    [{ message: 'x' }, 'chat_id', /chat_id/],
    [{ message: 'x', chat_id: 'x' }, 'chat_id'],
    [{ message: 'x', chat_id: id, data: 'x' }, 'data'],
    [{ message: 'x', chat_id: id, [LONG]: 1 }, LONG.slice(0, 50)],
    [{ type: 'resume', chats: [] }, 'chats'],
    [{ type: 'resume', chats: [{ chat_id: id, after: 0 }, { chat_id: id }] }, 'chats/1/after'],
    [{ type: 'resume', chats: [{ chat_id: id, after: 0, seq: 1 }] }, 'chats/0/seq'],
    [{ type: 'read', chat_id: id, id: -1 }, 'id'],
    [{ type: 'typing' }, 'chat_id'],
    [{ type: 'ping', at: 1 }, 'at']
  ]
  for (const [frame, field, detail = /./] of cases) {
    all.send({ ...frame })
    const error = await all.next('error')
    t.match(error, { code: 'VALIDATION_FAILED', detail, field }, JSON.stringify(frame).slice(0, 60))
  }
})

t.test('no other error has a field', async t => {
  for (const reply of [
    await ann.post(`${path}/messages`, '{'),
    await ann.get('/chats/999999'),
    await ann.get('/chats?cursor=x'),
    await nobody.get('/auth/me')
  ]) {
    t.notOk('field' in (reply.body as Json), reply.body.code)
  }
})
