import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { build, type Client, type Json, type Server } from '../helper.ts'
import { holdCalls } from '../repository.ts'
import type { TestSocket } from '../socket.ts'
import { until } from '../until.ts'
import { countSubmits } from './submits.ts'

// Rooms of more sockets than are served at once.

/** A chat of ann, bob and cat, with a socket of ann's and `listeners` of bob's, who speak the subprotocol or do not. */
async function crowd(t: Test, listeners = 150) {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob', 'cat')
  const [ann, bob, cat] = people
  const sockets: TestSocket[] = []
  for (let i = 0; i < listeners; i++) sockets.push(await (i % 2 === 0 ? bob.v1(id) : bob.socket(id)))
  const a = await ann.v1(id)
  await Promise.all([a, ...sockets.filter(({ ws }) => ws.protocol)].map(socket => socket.next('ready')))
  return { server, id, path, ann, bob, cat, a, sockets }
}

/** The texts of the next messages of a socket. */
async function texts(socket: TestSocket, count: number): Promise<string[]> {
  const found: string[] = []
  while (found.length < count) found.push((await socket.next('message')).message)
  return found
}

/** The next frame that does not tell of presence. */
async function following(socket: TestSocket): Promise<Json> {
  for (;;) {
    const frame = await socket.next()
    if (frame.type !== 'presence') return frame
  }
}

/** Calls back at the first frame of this type. */
function atFirst({ ws }: TestSocket, type: string, callback: () => void): void {
  ws.on('message', function listen(data) {
    if (JSON.parse(data.toString()).type !== type) return
    ws.off('message', listen)
    callback()
  })
}

/** Starts a batch with this message, which waits until it is released: what is sent meanwhile is the next batch. */
async function startBatch(t: Test, server: Server, sender: TestSocket, message: string) {
  const append = holdCalls(server.app.db.log, 'append')
  const submits = countSubmits(t)
  sender.send({ message })
  await append.called
  return {
    /** Resolves when so many changes wait for the next batch. */
    waiting: (count: number) => until(() => submits() === 1 + count),
    release: append.release
  }
}

t.test('everybody gets everything once and in order, whoever sends meanwhile', async t => {
  const { id, ann, cat, bob, a, sockets } = await crowd(t)
  const senders = [a, await ann.v1(id), await cat.v1(id), await bob.v1(id)]
  for (let n = 0; n < 50; n++) {
    for (const [s, sender] of senders.entries()) sender.send({ message: `${s}.${n}`, client_id: `${s}.${n}` })
    if (n % 5 === 0) await nextTurn()
  }
  const expected = await texts(sockets[0] as TestSocket, 200)
  t.equal(new Set(expected).size, 200)
  for (const socket of sockets.slice(1)) t.strictSame(await texts(socket, 200), expected)
  for (const [s, sender] of senders.entries()) {
    const got: string[] = []
    while (got.length < 200) {
      const { type, message, client_id } = await sender.next()
      if (type === 'message' || type === 'ack') got.push(message ?? client_id)
    }
    t.strictSame(got, expected, `the acks of ${s} are in the place of its messages`)
  }
  await Promise.all(sockets.map(async socket => t.strictSame((await socket.all(100)).filter(isMessage), [])))
})

t.test('who sends has the ack before the others are served', async t => {
  const { a, sockets } = await crowd(t)
  const order: string[] = []
  for (const socket of sockets) atFirst(socket, 'message', () => order.push('message'))
  atFirst(a, 'ack', () => order.push('ack'))
  a.send({ message: 'hello' })
  await Promise.all(sockets.map(socket => socket.next('message')))
  t.ok(order.indexOf('ack') < 64, `ack after ${order.indexOf('ack')} of ${order.length - 1}`)
})

t.test('changes that plain sockets do not know are left out for them alone', async t => {
  const { path, ann, a, sockets } = await crowd(t)
  const { body } = await ann.post(`${path}/messages`, { message: 'first' })
  await ann.patch(`${path}/messages/${body.id}`, { message: 'better' })
  await ann.post(`${path}/messages`, { message: 'second' })
  for (const [i, socket] of sockets.entries()) {
    t.strictSame(await texts(socket, i % 2 ? 2 : 3), i % 2 ? ['first', 'second'] : ['first', 'better', 'second'])
  }
  t.strictSame(await texts(a, 3), ['first', 'better', 'second'])
})

t.test('a repeated send is acked after what came before it', async t => {
  const { server, id, ann, a, sockets } = await crowd(t)
  a.send({ message: 'once', client_id: 'c' })
  t.match(await following(a), { type: 'ack', duplicate: false })
  const second = await ann.v1(id)
  await second.next('ready')
  const batch = await startBatch(t, server, a, 'starts a batch')
  second.send({ message: 'other' })
  await batch.waiting(1)
  a.send({ message: 'once', client_id: 'c' })
  await batch.waiting(2)
  batch.release()
  t.match(
    [await following(a), await following(a), await following(a)],
    [
      { type: 'ack', seq: 2 },
      { type: 'message', message: 'other', seq: 3 },
      { type: 'ack', seq: 1, duplicate: true }
    ]
  )
  a.send({ message: 'once', client_id: 'c' })
  t.match(await following(a), { type: 'ack', seq: 1, duplicate: true }, 'alone, too')
  for (const socket of sockets) t.strictSame(await texts(socket, 3), ['once', 'starts a batch', 'other'])
})

t.test('what a frame tells of is there before it', async t => {
  const { id, a, sockets } = await crowd(t)
  a.sendTogether({ message: 'hello' }, { type: 'read', chat_id: id, id: 1 })
  for (const [i, socket] of sockets.entries()) {
    t.match(await following(socket), { type: 'message', id: 1 })
    if (i % 2 === 0) t.match(await following(socket), { type: 'read', id: 1 })
  }
})

t.test('who is removed, and whose session ends, has what came before', async t => {
  const { server, path, ann, bob, a, sockets } = await crowd(t)
  const batch = await startBatch(t, server, a, 'starts a batch')
  a.send({ message: 'last words' })
  await batch.waiting(1)
  const removed = ann.delete(`${path}/members/${bob.user.id}`)
  await batch.waiting(2)
  batch.release()
  t.equal((await removed).status, 204)
  for (const socket of sockets) {
    t.strictSame(await texts(socket, 2), ['starts a batch', 'last words'])
    t.equal(await socket.closed(), 4403)
  }
})

t.test('a socket that is closed in the middle of a round has what came before', async t => {
  const { server, bob, a, sockets } = await crowd(t)
  const [session] = (await bob.get('/auth/sessions')).body.items
  const close = new Promise<void>(resolve => {
    atFirst(a, 'ack', () => {
      server.app.bus.publish({ type: 'sessions_ended', session_ids: [session.id] })
      resolve()
    })
  })
  a.send({ message: 'last words' })
  await close
  for (const socket of sockets) {
    t.strictSame(await texts(socket, 1), ['last words'])
    t.equal(await socket.closed(), 4401)
  }
})

t.test('more than the room keeps for its next round is given to all', async t => {
  const { server, a, sockets } = await crowd(t)
  const long = (n: number) => `${n} ${'x'.repeat(3900)}`
  const batch = await startBatch(t, server, a, long(0))
  for (let n = 1; n < 40; n++) a.send({ message: long(n) })
  await batch.waiting(39)
  batch.release()
  const expected = Array.from({ length: 40 }, (_, n) => long(n))
  for (const socket of sockets) t.strictSame(await texts(socket, 40), expected)
})

t.test('a socket that is too slow reads from the log what it could not be given', async t => {
  const { server, id, cat, a, sockets } = await crowd(t, 150)
  const { far, createConnection } = server.memory()
  const slow = await cat.v1(id, { createConnection })
  await slow.next('ready')
  slow.pause()
  const long = (n: number) => `${n} ${'x'.repeat(3900)}`
  const expected = Array.from({ length: 100 }, (_, n) => long(n))
  for (const message of expected) {
    a.send({ message })
    await a.next('ack')
  }
  for (const socket of sockets) t.strictSame(await texts(socket, 100), expected)
  t.ok(far.writableLength <= 256 * 1024, `${far.writableLength} bytes wait`)
  slow.resume()
  t.strictSame(await texts(slow, 100), expected)
})

t.test('what a large room was not told of is read from the log', async t => {
  const { server, id, ann, a, sockets } = await crowd(t)
  const second = await ann.v1(id)
  await second.next('ready')
  const user = { id: ann.user.id, username: 'ann' }
  const unheard = (text: string) => server.app.db.log.append([{ type: 'send', chat_id: id, user, text }])
  a.send({ message: 'one' })
  await a.next('ack')
  await unheard('two')
  a.send({ message: 'three' })
  await a.next('ack')
  await unheard('four')
  second.send({ message: 'five' })
  const expected = ['one', 'two', 'three', 'four', 'five']
  for (const socket of sockets) t.strictSame(await texts(socket, 5), expected)
})

t.test('who comes and who goes in the middle of a round', async t => {
  const { id, bob, a, sockets } = await crowd(t)
  const late: TestSocket[] = []
  for (let n = 0; n < 20; n++) {
    a.send({ message: `m${n}` })
    sockets.pop()?.terminate()
    late.push(await (bob as Client).v1(`?chat_id=${id}&after=0`))
  }
  const expected = Array.from({ length: 20 }, (_, n) => `m${n}`)
  for (const socket of [...sockets, ...late]) t.strictSame(await texts(socket, 20), expected)
})

function isMessage({ type }: Json): boolean {
  return type === 'message'
}
