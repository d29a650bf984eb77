import t from 'tap'
import { build, type Client } from '../helper.ts'

/** A socket through memory, and the server's end of it, which shows what is unsent. */
async function watched(client: Client, chat_id: number, kind: 'v1' | 'socket' = 'v1') {
  const { far, createConnection } = client.server.memory()
  return { socket: await client[kind](chat_id, { createConnection }), far }
}

t.test('a reader who stops costs bounded memory, loses nothing, and holds up nobody', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob, cas] = people
  const a = await ann.v1(id)
  const b = await bob.v1(id)
  const { socket: slow, far } = await watched(cas, id)
  await slow.next('ready')
  slow.pause()

  const text = 'x'.repeat(9000)
  for (let i = 0; i < 80; i++) {
    a.send({ message: text, client_id: `c${i}` })
    if (i % 10 === 0) a.send({ type: 'typing' })
    await a.next('ack')
  }
  const all = Array.from({ length: 80 }, (_, i) => i + 1)
  for (const seq of all) if ((await b.next('message')).seq !== seq) t.fail(`${seq} is missing`)
  t.ok(far.writableLength < 256 * 1024 + 20_000, `${far.writableLength} bytes unsent`)

  slow.resume()
  const seqs: number[] = []
  while (seqs.length < 80) seqs.push((await slow.next('message')).seq)
  t.strictSame(seqs, all)
  a.send({ message: 'live again' })
  t.match(await slow.next('message'), { seq: 81 })
  t.ok(far.writableLength < 1000)
})

t.test('what is left to read is read in its final state', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1(id)
  const { socket: slow } = await watched(bob, id)
  await slow.next('ready')
  slow.pause()
  for (let i = 0; i < 60; i++) a.send({ message: 'x'.repeat(9000) })
  for (let i = 0; i < 60; i++) await a.next('ack')
  await ann.patch(`${path}/messages/60`, { message: 'edited' })
  slow.resume()
  const frames = []
  for (let frame = await slow.next('message'); ; frame = await slow.next('message')) {
    frames.push(frame)
    if (frame.seq === 61) break
  }
  t.match(frames.at(-1), { id: 60, seq: 61, message: 'edited' })
  t.notOk(
    frames.some(({ seq }) => seq === 60),
    'the replaced state was not sent'
  )
  t.strictSame(
    frames.map(({ seq }) => seq),
    [...Array.from({ length: 59 }, (_, i) => i + 1), 61]
  )
})

t.test('a slow sender gets its acks in the place of its messages', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const { socket: slow } = await watched(ann, id)
  const b = await bob.v1(id)
  await slow.next('ready')
  slow.pause()
  for (let i = 0; i < 60; i++) b.send({ message: 'x'.repeat(9000) })
  for (let i = 0; i < 60; i++) await b.next('ack')
  // In one piece: a blocked client is read no further than what has arrived.
  slow.sendTogether(
    { message: 'mine', client_id: 'mine' },
    { message: 'mine', client_id: 'mine' },
    { message: 'edited later', client_id: 'later' }
  )
  await b.next('message')
  const { id: later } = await b.next('message')
  b.send({ message: 'after' })
  await b.next('ack')
  await ann.patch(`${path}/messages/${later}`, { message: 'edited' })
  slow.resume()
  const order: string[] = []
  for (let frame = await slow.next(); order.at(-1) !== 'message 64'; frame = await slow.next()) {
    if (frame.type === 'ack') order.push(`ack ${frame.client_id} ${frame.id} ${frame.duplicate}`)
    if (frame.type === 'message') order.push(`message ${frame.seq}`)
    if (order.at(-1) === 'message 64') break
  }
  t.strictSame(order.slice(60), [
    'ack mine 61 false',
    'ack mine 61 true',
    'ack later 62 false',
    'message 63',
    'message 64'
  ])
})

t.test('a slow plain sender does not get its own messages back', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1(id)
  const { socket: slow } = await watched(ann, id, 'socket')
  slow.pause()
  for (let i = 0; i < 60; i++) b.send({ message: 'x'.repeat(9000) })
  for (let i = 0; i < 60; i++) await b.next('ack')
  slow.send({ message: 'mine' })
  t.match(await b.next('message'), { id: 61 })
  b.send({ message: 'after' })
  await b.next('ack')
  slow.resume()
  const ids: number[] = []
  while (ids.at(-1) !== 62) ids.push((await slow.next('message')).id)
  t.strictSame(ids, [...Array.from({ length: 60 }, (_, i) => i + 1), 62])
})

t.test(
  'who is removed and added again while they lag is given nothing of the time between, and nothing twice',
  async t => {
    const server = await build(t)
    const { id, path, people } = await server.chat('ann', 'bob')
    const [ann, bob] = people
    const { createConnection } = server.memory()
    const slow = await bob.v1('', { createConnection })
    await slow.next('ready')
    slow.pause()
    const a = await ann.v1(id)
    await a.next('ready')
    for (let n = 0; n < 120; n++) {
      a.send({ message: `${n} ${'x'.repeat(3900)}` })
      await a.next('ack')
    }
    t.equal((await ann.delete(`${path}/members/${bob.user.id}`)).status, 204)
    a.send({ message: 'while bob is gone' })
    await a.next('ack')
    t.equal((await ann.put(`${path}/members/${bob.user.id}`, {})).status, 200)
    a.send({ message: 'again' })
    await a.next('ack')
    slow.resume()
    const frames = await slow.all(500)
    const added = frames.findIndex(({ change }) => change === 'added')
    const before = frames.slice(0, added).filter(({ type }) => type === 'message')
    t.ok(before.length < 120, 'bob lagged')
    t.strictSame(
      before.map(({ seq }) => seq),
      before.map((_, i) => i + 1)
    )
    t.strictSame(
      frames.slice(added).flatMap(({ type, message }) => (type === 'message' ? [message] : [])),
      ['again']
    )
  }
)
