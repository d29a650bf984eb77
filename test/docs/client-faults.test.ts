import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { Client } from '../../docs/client.ts'
import type { Json } from '../helper.ts'
import { until } from '../until.ts'
import { start } from './running.ts'

// The client that the documentation shows, as it is, against the real server.

/** A server that does only what the test says. */
async function pretend(t: Test, login: (reply: ServerResponse) => void) {
  const http = createServer((_request, reply) => login(reply))
  const sockets = new WebSocketServer({ noServer: true })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    http.close()
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  return { http, sockets, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
}

t.test('a server that is not well for a while is tried again', async t => {
  const logins = [503, 200, 200, 403]
  const upgrades = [503, 401, 101]
  const cookies: unknown[] = []
  const { http, sockets, url } = await pretend(t, reply =>
    reply.writeHead(logins.shift() ?? 500, { 'set-cookie': `session=${logins.length}; Path=/` }).end()
  )
  const arrived = new Promise<WebSocket>(resolve => {
    http.on('upgrade', (request: IncomingMessage, socket, head) => {
      cookies.push(request.headers.cookie)
      const status = upgrades.shift()
      if (status === 101) sockets.handleUpgrade(request, socket, head, resolve)
      else socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
    })
  })
  // Without a care for what happens.
  const client = new Client({ url, username: 'ann', password: '', chat_id: 1 })
  const ended = client.run()
  const socket = await arrived
  t.strictSame(cookies, ['session=2', 'session=2', 'session=1'])

  const frames: Json[] = []
  socket.on('message', data => frames.push(JSON.parse(data.toString())))
  socket.send(JSON.stringify({ type: 'ready', user: { id: 1 }, chats: [{ chat_id: 1, seq: 0 }], epoch: 'x' }))
  client.send('Hello')
  await until(() => frames.length === 1)
  socket.send(JSON.stringify({ type: 'error', code: 'OVERLOADED', detail: '', retry_after_ms: 50 }))
  await until(() => frames.length === 2)
  t.equal(frames[0].client_id, frames[1].client_id)
  t.equal(client.unacked.size, 1)
  socket.send(JSON.stringify({ type: 'message', id: 1, seq: 1 }))
  socket.send(JSON.stringify({ type: 'error', code: 'VALIDATION_FAILED', detail: '', client_id: frames[0].client_id }))
  await until(() => client.unacked.size === 0)
  client.stop()
  await ended
  await t.rejects(start(t, url, 'ann', 1).ended, { message: /403/ })
})

t.test('a server that falls silent is left', async t => {
  const real = globalThis.setTimeout
  const faster = (call: () => void, ms?: number) => real(call, ms === 50_000 ? 300 : ms)
  globalThis.setTimeout = Object.assign(faster, real) as typeof setTimeout
  t.teardown(() => {
    globalThis.setTimeout = real
  })
  const { http, sockets, url } = await pretend(t, reply => reply.setHeader('set-cookie', 'session=1').end())
  let upgrades = 0
  http.on('upgrade', (request, socket, head) => {
    upgrades++
    sockets.handleUpgrade(request, socket, head, ws => ws.ping())
  })
  start(t, url, 'ann', 1)
  await until(() => sockets.clients.size === 1)
  await until(() => sockets.clients.size === 0)
  await until(() => upgrades === 2)
})

t.test('stopping does not wait for the next attempt', async t => {
  const { http, url } = await pretend(t, () => undefined)
  await new Promise(resolve => http.close(resolve))
  const { client, ended } = start(t, url, 'ann', 1)
  await sleep(200)
  client.stop()
  const began = Date.now()
  await ended
  t.ok(Date.now() - began < 200)
})
