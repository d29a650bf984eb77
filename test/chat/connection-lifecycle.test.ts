import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { Connection } from '../../src/chat/socket/connection.ts'
import { Heartbeat } from '../../src/chat/socket/heartbeat.ts'
import { FairTurns } from '../../src/fair-turns.ts'
import { build, type Server } from '../helper.ts'
import { holdAnswers } from '../repository.ts'
import { TestSocket } from '../socket.ts'
import { until } from '../until.ts'

/** Lets every session end this many milliseconds from now. */
async function expireIn(server: Server, ms: number): Promise<void> {
  await server.sql('update sessions set expires_at = ?', Date.now() + ms)
}

t.test('a session that ends warns its sockets and closes them', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  await expireIn(server, 700)
  const v1 = await people[0].v1(id)
  const plain = await people[0].socket(id)
  t.match(await v1.next('expiring'), { at: /Z$/ })
  t.equal(await v1.closed(), 4401)
  t.equal(await plain.closed(), 4401)
  t.strictSame(await plain.all(0), [], 'a plain socket is not told before')
})

t.test('a session that was used meanwhile goes on', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  await expireIn(server, 600)
  const v1 = await people[0].v1(id)
  await v1.next('expiring')
  await people[0].get('/auth/me')
  await sleep(900)
  v1.send({ type: 'ping' })
  t.match(await v1.next('pong'), { type: 'pong' })
})

t.test('a session that is gone from the database closes its sockets when it is looked at', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  await expireIn(server, 60_300)
  const v1 = await people[0].v1(id)
  await server.sql('delete from sessions')
  t.equal(await v1.closed(), 4401)
})

t.test('a stopping server says bye, stores and acks what was sent, and closes with 1012', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const a = await ann.v1(id)
  const b = await bob.socket(id)
  const closing = server.app.close()
  const bye = await a.next('bye')
  t.ok(bye.after_ms >= 0 && bye.after_ms < 1000)
  a.send({ message: 'last words', client_id: 'last' })
  t.match(await a.next('ack'), { client_id: 'last', id: 1 })
  t.match(await b.next(), { type: 'message', message: 'last words' })
  t.equal(await a.closed(), 1012)
  t.equal(await b.closed(), 1012)
  await closing
  const again = await build(t, server.settings)
  const { body } = await (await again.login('ann')).get(`${path}/messages`)
  t.match(body.items, [{ message: 'last words' }])
})

t.test('a stopping server does not wait for peers that do not answer', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  const a = await people[0].v1InMemory(id)
  a.pause()
  const began = Date.now()
  await server.app.close()
  t.ok(Date.now() - began < 8000)
})

/** A server whose sockets do nothing but beat; its address, and the path of the first socket that it ends. */
async function beating(t: Test, heartbeat: Heartbeat) {
  const http = createServer()
  const wss = new WebSocketServer({ server: http })
  const first = Promise.withResolvers<string | undefined>()
  wss.on('connection', (socket, request) => {
    const never = () => undefined
    const connection = new Connection(socket, {
      stream: request.socket,
      caller: {
        user: { id: 1, username: 'ann', display_name: 'Ann', created_at: '' },
        sender: { id: 1, username: 'ann' },
        session_id: '',
        session_expires_at: 0
      },
      chat_id: 1,
      bucket: undefined,
      log: { info: never } as never,
      turns: new FairTurns(),
      openSockets: () => 1,
      decode: () => ({ type: 'ping' }),
      act: never,
      onPing: never,
      onClosing: never,
      onClosed: () => first.resolve(request.url)
    })
    heartbeat.add(connection)
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    heartbeat.stop()
    wss.close()
    http.close()
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, closed: first.promise }
}

t.test('a peer that answers no ping is let go, one that does stays', async t => {
  const { url, closed } = await beating(t, new Heartbeat(50))
  const [alive, dead] = [new TestSocket(url, '/alive'), new TestSocket(url, '/dead')]
  await Promise.all([alive.opened, dead.opened])
  dead.pause()
  t.equal(await closed, '/dead')
  alive.terminate()
})

t.test('a session that is looked at just as its socket closes', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann')
  await expireIn(server, 60_500)
  const v1 = await people[0].v1(id)
  const session = holdAnswers(server.app.db.sessions, 'find')
  await session.called
  v1.terminate()
  await until(() => server.app.websocketServer.clients.size === 0)
  session.release()
  t.strictSame(
    (await v1.all(50)).filter(({ type }) => type === 'expiring'),
    []
  )
})

t.test('a peer that sends pings of its own and answers none is alive', async t => {
  const { url, closed } = await beating(t, new Heartbeat(50))
  const [pinging, silent] = ['pinging', 'silent'].map(name => new WebSocket(`${url}/${name}`, { autoPong: false }))
  const pings = setInterval(() => pinging?.readyState === WebSocket.OPEN && pinging.ping(), 20)
  t.equal(await closed, '/silent')
  clearInterval(pings)
  for (const socket of [pinging, silent]) socket?.terminate()
})
