import t from 'tap'
import { build, type Json } from '../helper.ts'
import type { TestSocket } from '../socket.ts'

/** Takes milliseconds to parse. */
const DEEP = '['.repeat(60_000)
const long = (name: string) => `${name} ${'x'.repeat(9_000)}`

t.test('frames that are long to parse leave turns to others', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const sockets = await Promise.all(Array.from({ length: 60 }, () => ann.v1(id)))
  const b = await bob.v1(id)
  await Promise.all([b, ...sockets].map(socket => socket.next('ready')))
  let answered = 0
  const answers = sockets.map(async socket => {
    const { code } = await socket.next('error')
    answered++
    return code
  })
  for (const socket of sockets) socket.send(DEEP)
  b.send({ type: 'ping' })
  await b.next('pong')
  t.ok(answered < 30, `${answered} of 60 frames were answered before a ping`)
  t.strictSame([...new Set(await Promise.all(answers))], ['INVALID_JSON'])
})

t.test('what waits for its turn keeps its order, and holds back what comes after it', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const senders = await Promise.all(['a', 'b', 'c'].map(async name => [name, await ann.v1(id)] as const))
  const b = await bob.v1(id)
  await Promise.all([b, ...senders.map(([, socket]) => socket)].map(socket => socket.next('ready')))
  const texts = (name: string) =>
    Array.from({ length: 12 }, (_, n) => (n % 3 === 0 ? long(`${name}${n}`) : `${name}${n}`))
  for (const [name, socket] of senders) {
    const frames = texts(name).map(message => ({ message }))
    for (const frame of [...frames.slice(0, 7), DEEP, ...frames.slice(7)]) socket.send(frame)
  }
  const got: string[] = []
  while (got.length < 36) got.push((await b.next('message')).message)
  for (const [name] of senders) {
    t.strictSame(
      got.filter(text => text.startsWith(name)),
      texts(name)
    )
  }
  for (const [, socket] of senders) t.strictSame(await kinds(socket, 13), { ack: 12, INVALID_JSON: 1 })
})

t.test('what a client sends before it closes is stored', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const b = await bob.v1(id)
  const sockets = await Promise.all(Array.from({ length: 20 }, () => ann.v1(id)))
  await Promise.all(sockets.map(socket => socket.next('ready')))
  for (const socket of sockets) {
    for (const frame of [DEEP, { message: long('first') }, { message: 'last' }]) socket.send(frame)
    socket.ws.close()
  }
  for (let n = 0; n < 40; n++) await b.next('message')
  await b.silent(50)
})

/** How many of each the next acks and errors of a socket are. */
async function kinds(socket: TestSocket, count: number): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (let n = 0; n < count; ) {
    const { type, code = type }: Json = await socket.next()
    if (type !== 'ack' && type !== 'error') continue
    found[code] = (found[code] ?? 0) + 1
    n++
  }
  return found
}
