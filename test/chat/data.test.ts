import t from 'tap'
import { build } from '../helper.ts'
import { outcome } from './group.ts'

// `data`: an object of the application's own on messages, chats and accounts.

/** An object whose JSON has this many bytes. */
const ofBytes = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) })
/** JSON text that is nested this deep. */
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

const taken: [name: string, json: string][] = [
  ['an empty object', '{}'],
  ['every kind of value', '{"a":[1,-2.5,1e10,"x",true,false,null,{"b":{}}]}'],
  ['4096 bytes', JSON.stringify(ofBytes(4096))],
  ['4096 bytes of characters of three bytes', `{"a":"${'日'.repeat(1362)}xx"}`],
  ['half a surrogate pair, U+0000, and keys that look like numbers', '{"10":"\\ud800","2":"\\u0000","a b":"\\u2028"}'],
  ['keys of prototypes', '{"constructor":{"prototype":1},"toString":"x","hasOwnProperty":null}'],
  ['white space that is not stored', `{${' '.repeat(5000)}"a" : 1}`],
  ['100 objects in each other', nested(100)]
]

const refused: [name: string, json: string][] = [
  ['null', 'null'],
  ['an array', '[]'],
  ['a text', '"{}"'],
  ['4097 bytes', JSON.stringify(ofBytes(4097))],
  ['4097 bytes in 1367 characters', `{"a":"${'日'.repeat(1363)}"}`],
  ['the key __proto__', '{"__proto__":{}}'],
  ['the key __proto__, escaped', '{"\\u005f_proto__":1}'],
  ['the key __proto__, deep inside', '{"a":[{"b":{"__proto__":null}}]}'],
  ['a number that overflows', '{"a":[1e999]}'],
  ['101 objects in each other', nested(101)],
  ['ten thousand objects in each other', nested(10_000)]
]

t.test('what is given is given back, everywhere', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1(id)
  const a = await ann.v1(id)
  // As JSON: some of these keys confuse comparisons of objects.
  const same = (a: unknown, b: unknown) => t.equal(JSON.stringify(a), JSON.stringify(b))
  for (const [name, json] of taken) {
    const data = JSON.parse(json)
    const body = `{"message":"x","data":${json}}`
    const posted = await ann.post(`${path}/messages`, body)
    t.equal(posted.status, 201, name)
    same(posted.body.data, data)
    same((await b.next('message')).data, data)
    a.send(body)
    const { id: message } = await a.next('ack')
    same((await b.next('message')).data, data)
    same((await bob.get(`${path}/messages/${message}`)).body.data, data)
    same((await bob.get(`${path}/messages?limit=1`)).body.items[0].data, data)
    same((await bob.get(`${path}/changes?after=${message - 1}`)).body.items[0].data, data)

    same((await ann.patch(path, `{"data":${json}}`)).body.data, data)
    same((await bob.get('/chats')).body.items[0].data, data)
    same((await ann.patch('/users/me', `{"data":${json}}`)).body.data, data)
    same((await bob.get(`/users/${ann.user.id}`)).body.data, data)
    same((await ann.get('/auth/me')).body.data, data)
    const made = await ann.post('/chats', `{"title":"New","data":${json}}`)
    same(made.body.data, data)
  }
  t.strictSame((await b.all(700)).findLast(({ change }) => change === 'updated').chat.data, JSON.parse(nested(100)))
  const { items } = (await bob.get(`${path}/members`)).body
  t.strictSame(items[0].user.data, JSON.parse(nested(100)))
  t.notOk('data' in items[1].user, 'left out when there is none')
})

t.test('what cannot be stored and given back is refused, with its field', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  await ann.post(`${path}/messages`, { message: 'first' })
  const a = await ann.v1(id)
  for (const [name, json] of refused) {
    for (const [method, where, rest] of [
      ['POST', `${path}/messages`, '"message":"x",'],
      ['PATCH', `${path}/messages/1`, ''],
      ['PATCH', path, ''],
      ['PATCH', '/users/me', ''],
      ['POST', '/chats', '"title":"x",']
    ] as const) {
      const reply = await ann.request(method, where, `{${rest}"data":${json}}`)
      t.equal(outcome(reply), '400 VALIDATION_FAILED', `${method} ${where}: ${name}`)
    }
    a.send(`{"message":"x","client_id":"c","data":${json}}`)
    t.match(await a.next('error'), { code: 'VALIDATION_FAILED', client_id: 'c' }, `frame: ${name}`)
  }
  t.equal((await ann.get(path)).body.seq, 1)
})

t.test('a repeated send is the same when its data is', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const send = (message: string, data?: object) => ann.post(`${path}/messages`, { message, client_id: 'c', data })
  t.equal(outcome(await send('x', { a: 1, b: [{ c: 2, d: 3 }] })), '201')
  const same = async () => [
    outcome(await send('x', { a: 1, b: [{ c: 2, d: 3 }] })),
    outcome(await send('x', { b: [{ d: 3, c: 2 }], a: 1 })),
    outcome(await send('x', { a: 1, b: [{ c: 2, d: 4 }] })),
    outcome(await send('x', {})),
    outcome(await send('x')),
    outcome(await send('y', { a: 1, b: [{ c: 2, d: 3 }] }))
  ]
  const other = '409 CLIENT_ID_REUSED'
  const expected = ['200', '200', other, other, other, other]
  t.strictSame(await same(), expected)
  await ann.patch(`${path}/messages/1`, { data: { a: 2 } })
  t.strictSame(await same(), expected, 'when the data was changed since')
  await ann.patch(`${path}/messages/1`, { message: 'z' })
  t.strictSame(await same(), expected, 'when the text was, too')
  t.equal(outcome(await ann.post(`${path}/messages`, { message: 'plain', client_id: 'd' })), '201')
  t.equal(outcome(await ann.post(`${path}/messages`, { message: 'plain', client_id: 'd', data: {} })), other)
  t.equal(outcome(await ann.post(`${path}/messages`, { message: 'plain', client_id: 'd' })), '200')
})

t.test('text and data are changed together or alone, and deleted together', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const message = `${path}/messages/1`
  await ann.post(`${path}/messages`, { message: 'x', data: { a: 1 } })
  t.match((await ann.patch(message, { data: { a: 2 } })).body, {
    message: 'x',
    data: { a: 2 },
    seq: 2,
    edited_at: undefined
  })
  t.match((await ann.patch(message, { message: 'y' })).body, {
    message: 'y',
    data: { a: 2 },
    seq: 3,
    edited_at: String
  })
  t.match((await ann.patch(message, { message: 'z', data: {} })).body, { message: 'z', data: {}, seq: 4 })
  t.match((await ann.patch(message, { message: 'z', data: {} })).body, { seq: 4 }, 'the same again')
  t.equal(outcome(await ann.patch(message, {})), '400 VALIDATION_FAILED')
  const { body } = await ann.delete(message)
  t.notOk('data' in body || 'message' in body)
  t.strictSame(await server.sql('select text, data, meta from messages'), [{ text: null, data: null, meta: null }])
})

t.test('the longest text with the largest data, all escaped, fits a frame and a body', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b] = [await ann.v1(id), await bob.v1(id)]
  const text = '\\ud83d\\ude00'.repeat(10_000)
  const data = `{"a":"${'\\u0061'.repeat(4088)}"}`
  const client_id = '\\ud83d\\ude00'.repeat(128)
  const body = `{"message":"${text}","client_id":"${client_id}","data":${data}}`
  a.send(body)
  await a.next('ack')
  const { message, data: given } = await b.next('message')
  t.equal(message, '😀'.repeat(10_000))
  t.equal(given.a.length, 4088)
  t.equal(outcome(await ann.post(`${path}/messages`, body)), '200')
})
