import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { build, type Client } from '../helper.ts'
import { group, outcome } from './group.ts'

const server = await build(t)
const [ann, bob, cyd] = [await server.account('ann'), await server.account('bob'), await server.account('cyd')]
const { file } = server

const KEYS = ['chat_id', 'created_at', 'id', 'kind', 'message', 'sender', 'seq']

const say = async (client: Client, path: string, message: string) =>
  (await client.post(`${path}/messages`, { message })).body

t.test('a message sent over HTTP is stored and reaches every socket of the chat', async t => {
  const { id, path } = await group(ann, [bob])
  const [a, b] = [await ann.socket(id), await bob.socket(id)]
  const { status, body } = await ann.post(`${path}/messages`, { message: 'Hello' })
  t.equal(status, 201)
  const { created_at } = body
  t.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const sender = { id: ann.user.id, username: 'ann' }
  t.strictSame(body, { chat_id: id, id: 1, seq: 1, kind: 'text', sender, created_at, message: 'Hello' })
  t.strictSame(await a.next(), { type: 'message', ...body })
  t.strictSame(await b.next(), { type: 'message', ...body })
  t.strictSame((await bob.get(`${path}/messages/1`)).body, body)
})

t.test('a message has 1 to 10,000 characters, counted as code points', async t => {
  const { path } = await group(ann)
  for (const message of ['', 'a'.repeat(10_001), '👪'.repeat(10_001), 'a\u0000b', '\u0000']) {
    t.equal(outcome(await ann.post(`${path}/messages`, { message })), '400 VALIDATION_FAILED', message.slice(0, 4))
  }
  const escaped = `{"message":"${'\\ud83d\\ude00'.repeat(10_000)}"}`
  for (const body of [{ message: 'a' }, { message: 'a'.repeat(10_000) }, { message: '😀'.repeat(10_000) }, escaped]) {
    t.equal(outcome(await ann.post(`${path}/messages`, body)), '201')
  }
  t.equal((await ann.get(`${path}/messages/4`)).body.message, '😀'.repeat(10_000))
})

t.test('a text arrives as it was sent, whatever is in it', async t => {
  const { id, path } = await group(ann, [bob])
  const texts = [
    ' ',
    '  two spaces  \n',
    '\u2028\u2029',
    '</script><!--',
    '"\\/\b\f\t',
    'e\u0301 é',
    'שלום \u202e',
    '👩‍👩‍👧',
    '\ufeff'
  ]
  const b = await bob.socket(id)
  for (const text of texts) {
    t.equal((await say(ann, path, text)).message, text)
    t.equal((await b.next()).message, text)
  }
  const { items } = (await bob.get(`${path}/messages`)).body
  t.strictSame(
    items.map(({ message }: { message: string }) => message),
    texts
  )
})

t.test('half a surrogate pair is replaced, for everybody alike', async t => {
  const { id, path } = await group(ann, [bob])
  const [a, b] = [await ann.socket(id), await bob.socket(id)]
  const sent = await ann.post(`${path}/messages`, '{"message":"a\\ud800b"}')
  t.equal(sent.body.message, 'a\ufffdb')
  t.equal((await b.next()).message, 'a\ufffdb')
  t.strictSame((await bob.get(`${path}/messages/1`)).body, sent.body)
  a.send('{"message":"\\udc00"}')
  t.equal((await b.next()).message, '\ufffd')
  t.equal((await bob.get(`${path}/messages/2`)).body.message, '\ufffd')
  t.equal((await ann.patch(`${path}/messages/1`, '{"message":"\\ud800\\ud800"}')).body.message, '\ufffd\ufffd')
  t.equal((await bob.get(`${path}/messages/1`)).body.message, '\ufffd\ufffd')
})

t.test('a message that is not one is refused, and no type is coerced', async t => {
  const { path } = await group(ann)
  const bodies: (object | string | undefined)[] = [
    { message: 1 },
    { message: true },
    { message: null },
    { message: ['a'] },
    { message: 'a', client_id: 7 },
    { message: 'a', client_id: '' },
    { message: 'a', client_id: 'x'.repeat(129) },
    { message: 'a', reply_to: '1' },
    { message: 'a', reply_to: 0 },
    { message: 'a', reply_to: 1.5 },
    { message: 'a', kind: 'renamed' },
    { message: 'a', sender_id: 1 },
    {},
    [],
    '"text"',
    undefined
  ]
  for (const body of bodies) {
    t.equal(outcome(await ann.post(`${path}/messages`, body)), '400 VALIDATION_FAILED', JSON.stringify(body))
  }
  t.equal(outcome(await ann.post(`${path}/messages`, '{"message":"a"')), '400 INVALID_JSON')
  t.equal((await ann.get(path)).body.seq, 0)
})

t.test('a message answers one of the same chat', async t => {
  const { path } = await group(ann, [bob])
  const elsewhere = await group(ann)
  await say(ann, elsewhere.path, 'One')
  await say(ann, elsewhere.path, 'Two')
  await say(ann, path, 'Question')
  const reply = await bob.post(`${path}/messages`, { message: 'Answer', reply_to: 1 })
  t.equal(reply.status, 201)
  t.strictSame(Object.keys(reply.body).sort(), [...KEYS, 'reply_to'].sort())
  t.equal(reply.body.reply_to, 1)
  t.strictSame((await ann.get(`${path}/messages/2`)).body, reply.body)
  for (const reply_to of [3, Number.MAX_SAFE_INTEGER]) {
    t.equal(outcome(await bob.post(`${path}/messages`, { message: 'To what?', reply_to })), '400 REPLY_TO_NOT_FOUND')
  }
  t.match(await say(ann, path, 'Next'), { id: 3 }, 'a refused message takes no number')
})

t.test('the sender edits a message: its seq grows, its id stays', async t => {
  const { id, path } = await group(ann, [bob])
  const first = await say(ann, path, 'Helo')
  await say(bob, path, 'Hi')
  const b = await bob.socket(id)
  const edited = await ann.patch(`${path}/messages/1`, { message: 'Hello' })
  t.equal(edited.status, 200)
  const { edited_at } = edited.body
  t.match(edited_at, /Z$/)
  t.strictSame(edited.body, { ...first, seq: 3, message: 'Hello', edited_at })
  t.strictSame((await bob.get(`${path}/messages/1`)).body, edited.body)
  t.equal((await ann.get(path)).body.seq, 3)
  t.strictSame((await ann.patch(`${path}/messages/1`, { message: 'Hello' })).body, edited.body, 'the same text')
  t.equal(outcome(await bob.patch(`${path}/messages/1`, { message: 'Mine' })), '403 NOT_THE_SENDER')
  t.equal(
    outcome(await ann.patch(`${path}/messages/2`, { message: 'Mine' })),
    '403 NOT_THE_SENDER',
    'not even an owner'
  )
  for (const body of [{}, { message: '' }, { message: 'x', client_id: 'c' }, { message: 'a'.repeat(10_001) }]) {
    t.equal(outcome(await ann.patch(`${path}/messages/1`, body)), '400 VALIDATION_FAILED')
  }
  t.match(await say(ann, path, 'Next'), { id: 4, seq: 4 })
  t.equal((await b.next()).message, 'Next', 'a plain socket hears of new messages only')
})

t.test('what the system wrote can be neither edited nor deleted', async t => {
  const { path } = await group(ann)
  await ann.patch(path, { title: 'Renamed' })
  t.equal(outcome(await ann.patch(`${path}/messages/1`, { message: 'x' })), '409 NOT_EDITABLE')
  t.equal(outcome(await ann.delete(`${path}/messages/1`)), '409 NOT_EDITABLE')
})

t.test('a deleted message keeps its place and loses its text', async t => {
  const { path } = await group(ann, [bob])
  await say(bob, path, 'One')
  const { body: second } = await bob.post(`${path}/messages`, { message: 'Two', reply_to: 1, client_id: 'c' })
  await bob.patch(`${path}/messages/2`, { message: 'Edited' })
  const deleted = await bob.delete(`${path}/messages/2`)
  t.equal(deleted.status, 200)
  const { edited_at, deleted_at } = deleted.body
  const { message, ...kept } = second
  t.strictSame(deleted.body, { ...kept, seq: 4, edited_at, deleted_at })
  t.match([edited_at, deleted_at], [/Z$/, /Z$/])
  t.strictSame((await bob.delete(`${path}/messages/2`)).body, deleted.body, 'once more')
  t.strictSame((await ann.get(`${path}/messages/2`)).body, deleted.body)
  t.strictSame((await ann.get(`${path}/messages`)).body.items[1], deleted.body)
  t.strictSame((await ann.get(path)).body.last_message, deleted.body)
  t.equal(outcome(await bob.patch(`${path}/messages/2`, { message: 'Back' })), '409 MESSAGE_DELETED')
})

t.test('messages of others are deleted by admins and owners, not by members', async t => {
  const { path } = await group(ann, [bob, cyd])
  for (const text of ['One', 'Two']) await say(ann, path, text)
  t.equal(outcome(await bob.delete(`${path}/messages/1`)), '403 ADMIN_REQUIRED')
  await ann.put(`${path}/members/${bob.user.id}`, { role: 'admin' })
  t.equal(outcome(await bob.delete(`${path}/messages/1`)), '200', "an owner's, by an admin")
  await say(cyd, path, 'Three')
  t.equal(outcome(await ann.delete(`${path}/messages/4`)), '200')
})

t.test('in a direct chat, each deletes only their own', async t => {
  const { body } = await ann.post('/chats/direct', { user_id: bob.user.id })
  const path = `/chats/${body.id}`
  await say(ann, path, 'Mine')
  t.equal(outcome(await bob.delete(`${path}/messages/1`)), '403 ADMIN_REQUIRED')
  t.equal(outcome(await ann.delete(`${path}/messages/1`)), '200')
})

t.test('there is nothing at an id that is no message of this chat', async t => {
  const { path } = await group(ann)
  const elsewhere = await group(ann)
  await say(ann, elsewhere.path, 'Elsewhere')
  for (const id of [1, Number.MAX_SAFE_INTEGER]) {
    t.equal(outcome(await ann.get(`${path}/messages/${id}`)), '404 MESSAGE_NOT_FOUND')
    t.equal(outcome(await ann.patch(`${path}/messages/${id}`, { message: 'x' })), '404 MESSAGE_NOT_FOUND')
    t.equal(outcome(await ann.delete(`${path}/messages/${id}`)), '404 MESSAGE_NOT_FOUND')
  }
  for (const id of ['0', '-1', '1.5', 'one', '9007199254740993']) {
    t.equal(outcome(await ann.get(`${path}/messages/${id}`)), '400 VALIDATION_FAILED', id)
    t.equal(outcome(await ann.get(`/chats/${id}/messages/1`)), '400 VALIDATION_FAILED', id)
  }
})

t.test('a deleted text is nowhere in the files of the database, nor is what it was before an edit', async t => {
  const { path } = await group(ann)
  const numbers = Array.from({ length: 100 }, (_, i) => i + 1)
  for (const i of numbers) await say(ann, path, `first-${i}-secret${' '.repeat(40 + 5 * i)}`)
  const read = () => [file, `${file}-wal`].filter(name => existsSync(name)).map(name => readFileSync(name, 'latin1'))
  const found = () =>
    new Set(
      read()
        .join()
        .match(/(first|second)-\d+-secret/g)
    )
  t.equal(found().size, 100, 'they were there')
  for (const i of numbers.slice(50)) await ann.patch(`${path}/messages/${i}`, { message: `second-${i}-secret` })
  for (const i of numbers.slice(1)) t.equal((await ann.delete(`${path}/messages/${i}`)).status, 200)
  t.match(server.database().pragma('wal_checkpoint(TRUNCATE)'), [{ busy: 0, log: 0 }])
  t.strictSame([...found()], ['first-1-secret'], 'what was not deleted, and nothing else')
})

t.test('with limits, nobody changes more than 300 things in 3 s over HTTP', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  // Past the network: so many connections can take a busy machine longer than the 3 s.
  const send = {
    method: 'POST',
    url: `${path}/messages`,
    headers: { cookie: ann.cookie },
    payload: { message: 'x' }
  } as const
  const replies = await Promise.all(Array.from({ length: 320 }, () => server.app.inject(send)))
  const refused = replies.filter(({ statusCode }) => statusCode === 429)
  t.equal(refused.length, 21, 'making the chat was one of them')
  t.match(refused[0]?.json(), { code: 'RATE_LIMITED' })
  t.match(refused[0]?.headers['retry-after'], /^[123]$/)
  t.equal((await ann.get(path)).status, 200, 'reading goes on')
  t.equal((await bob.post(`${path}/messages`, { message: 'x' })).status, 201, 'so do others')
})
