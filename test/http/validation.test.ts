import t from 'tap'
import { build } from '../helper.ts'

const REFUSED = { status: 400, body: { statusCode: 400, code: 'VALIDATION_FAILED', error: 'Bad Request' } }

/** Texts that some parsers take for a number; none of them is the decimal integer that an id or a limit is. */
const NO_INTEGERS = [
  'Infinity',
  '-Infinity',
  'NaN',
  '1e400',
  '-1e400',
  '9'.repeat(400),
  `-${'9'.repeat(400)}`,
  '9007199254740992',
  '18446744073709551617',
  '0x7',
  '0b1',
  '1e0',
  '1.0',
  '1.',
  '+1',
  '01',
  '-0',
  ' 1',
  '1 ',
  '1\n',
  '1_000',
  '١',
  '１',
  'true',
  'null',
  ''
].map(encodeURIComponent)

t.test('a number in a URL is a decimal integer that a JavaScript number holds exactly', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  await ann.post(`/chats/${id}/messages`, { message: 'lunch on friday' })
  const addresses = (number: string) => [
    `/search?query=lunch&limit=${number}`,
    `/search?query=lunch&chat_id=${number}`,
    `/users?limit=${number}`,
    `/users/${number}`,
    `/chats?limit=${number}`,
    `/chats/public?limit=${number}`,
    `/chats/${number}`,
    `/chats/${id}/members?limit=${number}`,
    `/chats/${id}/messages?limit=${number}`,
    ...['before', 'after', 'around'].map(key => `/chats/${id}/messages?${key}=${number}`),
    `/chats/${id}/messages/${number}`,
    `/chats/${id}/changes?after=${number}`,
    `/chats/${id}/changes?limit=${number}`
  ]
  for (const number of NO_INTEGERS) {
    // A path without its last part is another address.
    for (const url of addresses(number).filter(path => !path.endsWith('/'))) {
      const reply = await server.app.inject({ url, headers: { cookie: ann.cookie } })
      t.match({ status: reply.statusCode, body: reply.json() }, REFUSED, url)
    }
  }
  for (const number of ['Infinity', '1e400', '-1e400', '9'.repeat(400), '9007199254740992', '0x7', '%201', '']) {
    for (const query of [`chat_id=${number}`, `chat_id=${id}&after=${number}`]) {
      t.match(await ann.refused(`/ws?${query}`), REFUSED, query)
    }
  }
  for (const path of addresses('1')) t.equal((await ann.get(path)).status, 200, path)
  t.match(await ann.get(`/chats/${id}/changes?after=${Number.MAX_SAFE_INTEGER}`), { status: 200, body: { items: [] } })
  t.match(await ann.get(`/chats/${Number.MAX_SAFE_INTEGER}`), { status: 404, body: { code: 'CHAT_NOT_FOUND' } })
})

t.test('a number in a body is one that a JavaScript number holds exactly', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const [ann] = people
  const socket = await ann.v1(id)
  for (const number of ['1e400', '-1e400', '9007199254740992', '1.5', '"1"', 'null', 'true']) {
    for (const [method, path, body] of [
      ['PUT', `/chats/${id}/read`, `{"id":${number}}`],
      ['POST', '/chats', `{"title":"x","member_ids":[${number}]}`],
      ['POST', '/chats/direct', `{"user_id":${number}}`],
      ['POST', `/chats/${id}/messages`, `{"message":"x","reply_to":${number}}`]
    ] as const) {
      t.match(await ann.request(method, path, body), REFUSED, `${method} ${path} ${body}`)
    }
    socket.send(`{"type":"read","id":${number}}`)
    t.match(await socket.next('error'), { code: 'VALIDATION_FAILED' }, `read ${number}`)
  }
  t.equal((await ann.put(`/chats/${id}/read`, { id: Number.MAX_SAFE_INTEGER })).status, 200)
})
