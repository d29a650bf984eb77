import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Connection } from '../../src/chat/socket/connection.ts'
import { Liveness } from '../../src/chat/socket/liveness.ts'
import { build, type Json, type Server } from '../helper.ts'
import type { TestSocket } from '../socket.ts'
import { until } from '../until.ts'

// The tests look after the sockets themselves: hours would pass otherwise.

/** Opens a socket. Returns it with the server's side of it, after which the server's heartbeat does not look. */
async function bothSides(
  open: () => Promise<TestSocket>
): Promise<[TestSocket, Connection, Connection['onHeartbeat']]> {
  const { send } = Connection.prototype
  const told = Promise.withResolvers<Connection>()
  Connection.prototype.send = function (frame) {
    if (frame.type === 'ready') told.resolve(this)
    send.call(this, frame)
  }
  const client = await open()
  const connection = await told.promise
  Connection.prototype.send = send
  const visit = connection.onHeartbeat.bind(connection)
  connection.onHeartbeat = () => undefined
  return [client, connection, visit]
}

/** How much the system has taken of what was written to a socket, when it takes no more. In bytes. */
async function takenBySystem(stream: Json): Promise<number> {
  const taken = () => stream._handle.bytesWritten - stream._handle.writeQueueSize
  for (let before = 0, now = taken(); ; before = now, now = taken()) {
    if (before === now && now > 0) return Math.min(now, 4 * 1024 * 1024)
    await sleep(500)
  }
}

/** The stream under the one socket of a server. */
function streamOf({ app }: Server): Json {
  const [{ _socket: stream }] = [...app.websocketServer.clients] as [Json]
  return stream
}

t.test('what is on its way to the system counts once', async t => {
  const peer = createServer(socket => socket.pause().on('error', () => undefined))
  await once(peer.listen(0, '127.0.0.1'), 'listening')
  const stream = connect((peer.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    stream.destroy()
    peer.close()
  })
  await once(stream, 'connect')
  const liveness = new Liveness(stream)
  for (let n = 0; n < 20; n++) stream.write(Buffer.alloc(1024 * 1024))
  const ms = (await takenBySystem(stream)) / 8
  const now = performance.now()
  t.notOk(liveness.isStalled(now, true))
  t.notOk(liveness.isStalled(now + ms + 29_000, true))
  t.ok(liveness.isStalled(now + ms + 31_000, true))
})

t.test('a client that reads slowly, but steadily, is neither silent nor too slow', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const user = { id: ann.user.id, username: 'ann' }
  const text = 'x'.repeat(9000)
  for (const [what, count] of [
    ['in the buffers of the system', 100],
    ['in the process, too', 1500]
  ] as const) {
    await server.app.db.log.append(
      Array.from({ length: count }, () => ({ type: 'send' as const, chat_id: id, user, text }))
    )
    const [b, connection, visit] = await bothSides(() => bob.v1(`?chat_id=${id}&after=0`))
    b.pause()
    // At 8 KB a second, this takes the client so long.
    const seconds = (await takenBySystem(streamOf(server))) / 8000
    t.ok(seconds > 60, `${what}: ${seconds.toFixed()} s`)
    const now = performance.now()
    for (let s = 0; s < seconds; s += 5) visit(now + s * 1000, s % 25 === 0)
    t.ok(connection.open, 'though several pings are unanswered')
    b.resume()
    await b.next('live')
    b.terminate()
    await until(() => server.app.websocketServer.clients.size === 0)
  }
})

t.test('a socket that takes nothing for 30 s longer than the least speed needs is closed with 4408', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const a = await people[0].v1(id)
  const [b, connection, visit] = await bothSides(() => people[1].socket(id))
  b.pause()
  for (let i = 0; i < 1000; i++) a.send({ message: 'x'.repeat(10_000) })
  for (let i = 0; i < 1000; i++) await a.next('ack')
  await until(() => connection.blocked)
  const now = performance.now()
  // The system's buffer holds up to 4 MiB of what was sent; a client that reads 8 KB a second needs 8 minutes for it.
  const busy = (4 * 1024 * 1024) / 8
  visit(now, true)
  visit(now + 29_000, false)
  t.ok(connection.open)
  visit(now + busy + 31_000, false)
  t.notOk(connection.open)
  b.resume()
  t.equal(await b.closed(), 4408)
})
