import t from 'tap'
import { build } from '../helper.ts'

t.test('a socket for one chat', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1(id)
  const b = await bob.v1(id)

  t.equal(a.ws.protocol, 'confab.v1')
  const ready = await a.next()
  t.match(ready, { type: 'ready', user: { id: ann.user.id, username: 'ann' }, chats: [{ chat_id: id, seq: 0 }] })
  t.match(ready, { heartbeat_ms: 25000, session_expires_at: /Z$/ })

  await t.test('a send is acked to its sender and broadcast to the others', async t => {
    a.send({ message: 'one', client_id: 'c1' })
    const ack = await a.next('ack')
    t.strictSame(ack, {
      type: 'ack',
      chat_id: id,
      client_id: 'c1',
      id: 1,
      seq: 1,
      created_at: ack.created_at,
      duplicate: false
    })
    t.match(await b.next('message'), { id: 1, seq: 1, message: 'one', created_at: ack.created_at })
    a.send({ type: 'send', chat_id: id, message: 'two', reply_to: 1 })
    t.match(await a.next(), { type: 'ack', id: 2, client_id: undefined })
    t.match(await b.next(), { type: 'message', id: 2, reply_to: 1 })
  })

  await t.test('a repetition is acked as one and broadcast to nobody', async t => {
    a.send({ message: 'one', client_id: 'c1' })
    t.match(await a.next(), { type: 'ack', client_id: 'c1', id: 1, duplicate: true })
    a.send({ message: 'other', client_id: 'c1' })
    t.match(await a.next(), { type: 'error', code: 'CLIENT_ID_REUSED', client_id: 'c1' })
    t.equal((await ann.post(`${path}/messages`, { message: 'one', client_id: 'c1' })).status, 200)
    await b.silent(100)
  })

  await t.test('acks come in the order of the sends', async t => {
    const ids = Array.from({ length: 50 }, (_, i) => `order-${i}`)
    for (const client_id of ids) a.send({ message: 'x', client_id })
    const acks = []
    for (const _ of ids) acks.push(await a.next('ack'))
    t.strictSame(
      acks.map(ack => ack.client_id),
      ids
    )
    const got = []
    for (const _ of ids) got.push((await b.next('message')).seq)
    t.strictSame(
      got,
      acks.map(ack => ack.seq)
    )
  })

  await t.test('edits and deletions are whole messages', async t => {
    await ann.patch(`${path}/messages/1`, { message: 'uno' })
    const edited = await b.next('message')
    t.match(edited, { id: 1, message: 'uno', edited_at: /Z$/ })
    t.match(await a.next('message'), { id: 1, seq: edited.seq })
    await ann.delete(`${path}/messages/1`)
    const deleted = await b.next('message')
    t.match(deleted, { id: 1, seq: edited.seq + 1, deleted_at: /Z$/ })
    t.notOk('message' in deleted)
  })

  await t.test('ping, and frames that are refused', async t => {
    await a.all(50)
    const cases: [object | string, object][] = [
      [{ type: 'ping' }, { type: 'pong' }],
      ['[', { type: 'error', code: 'INVALID_JSON' }],
      [{ type: 'nope' }, { code: 'UNKNOWN_TYPE' }],
      [
        { message: '', client_id: 'bad' },
        { code: 'VALIDATION_FAILED', client_id: 'bad' }
      ],
      [
        { message: 'x', reply_to: 4711, client_id: 'r' },
        { code: 'REPLY_TO_NOT_FOUND', client_id: 'r' }
      ],
      [
        { message: 'x', chat_id: 4711, client_id: 'n' },
        { code: 'CHAT_NOT_FOUND', client_id: 'n' }
      ],
      [{ type: 'resume', chats: [{ chat_id: 4711, after: 0 }] }, { code: 'CHAT_NOT_FOUND' }],
      [{ type: 'resume', chats: [] }, { code: 'VALIDATION_FAILED' }]
    ]
    for (const [frame, answer] of cases) {
      a.send(frame)
      t.match(await a.next(), answer, JSON.stringify(frame))
    }
  })
})

t.test('a socket for all chats', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1('')
  t.strictSame((await a.next('ready')).chats, [{ chat_id: id, seq: 0, read_id: 0, unread_count: 0 }])

  await t.test('needs a chat_id in its frames', async t => {
    a.send({ message: 'x' })
    t.match(await a.next('error'), { code: 'VALIDATION_FAILED' })
    a.send({ message: 'x', chat_id: id })
    t.match(await a.next('ack'), { chat_id: id, id: 1 })
  })

  await t.test('carries chats joined later, direct ones too, and lets go of those lost', async t => {
    const group = (await bob.post('/chats', { title: 'Later', member_ids: [ann.user.id] })).body
    t.match(await a.next('chat'), { change: 'added', chat: { id: group.id, title: 'Later', role: 'member' } })
    await bob.post(`/chats/${group.id}/messages`, { message: 'hi' })
    t.match(await a.next('message'), { chat_id: group.id, message: 'hi' })

    const direct = (await bob.post('/chats/direct', { user_id: ann.user.id })).body
    t.match(await a.next('chat'), {
      change: 'added',
      chat: { id: direct.id, kind: 'direct', peer: { username: 'bob' } }
    })

    await bob.delete(`/chats/${group.id}/members/${ann.user.id}`)
    t.match(await a.next('chat'), { change: 'removed', chat: { id: group.id } })
    await bob.post(`/chats/${group.id}/messages`, { message: 'secret' })
    const frames = await a.all(100)
    t.notOk(
      frames.some(frame => frame.chat_id === group.id && frame.type === 'message'),
      'nothing after that'
    )

    await bob.put(`/chats/${group.id}/members/${ann.user.id}`, {})
    t.match(await a.next('chat'), { change: 'added', chat: { id: group.id } })
    await bob.delete(`/chats/${group.id}`)
    t.match(await a.next('chat'), { change: 'removed', chat: { id: group.id } })
  })

  await t.test('hears of new titles and roles', async t => {
    await ann.patch(`/chats/${id}`, { title: 'Best friends' })
    t.match(await a.next('chat'), { change: 'updated', chat: { id, title: 'Best friends' } })
    const b = await bob.v1(id)
    await ann.put(`/chats/${id}/members/${bob.user.id}`, { role: 'admin' })
    t.match(await b.next('chat'), { change: 'updated', chat: { id, role: 'admin' } })
  })

  await t.test('is refused without the subprotocol, or with a cursor for no chat', async t => {
    t.equal((await ann.refused('/ws')).status, 400)
    t.equal((await ann.refused('/ws?after=3', { 'sec-websocket-protocol': 'confab.v1' })).status, 400)
  })
})

t.test('a plain socket sees new messages only, whatever the others do', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const plain = await bob.socket(id)
  const a = await ann.v1(id)
  a.send({ message: 'one' })
  t.match(await plain.next(), { type: 'message', id: 1 })
  a.send({ type: 'typing' })
  a.send({ type: 'read', id: 1 })
  await ann.patch(`${path}/messages/1`, { message: 'uno' })
  await ann.patch(path, { visibility: 'public' })
  await plain.silent(200)
  plain.send({ type: 'ping' })
  t.match(await plain.next(), { type: 'error', code: 'UNKNOWN_TYPE' })
  await a.all(0)
  plain.send({ message: 'mine' })
  t.match(await a.next('message'), { message: 'mine' })
  await plain.silent(100)
})
