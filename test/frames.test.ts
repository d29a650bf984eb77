import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { outgoingExamples } from '../src/schemas/frame-examples.ts'
import { wrongWith } from './frames.ts'
import { TestSocket } from './socket.ts'

// Every other test of a socket relies on this: a frame against the contract does not go unnoticed.

t.test('what the reference shows is as the contract says', async t => {
  for (const [type, examples] of Object.entries(outgoingExamples)) {
    for (const [name, frame] of Object.entries(examples)) t.equal(wrongWith(frame, true), undefined, `${type}: ${name}`)
  }
})

t.test('what is not, is not', async t => {
  const [message, ready] = [outgoingExamples.message['a new message'], outgoingExamples.ready['a socket for one chat']]
  const cases: [object, boolean, RegExp][] = [
    [{ type: 'pong', more: 1 }, true, /must NOT have additional properties/],
    [{ ...message, created_at: '2026-01-31 12:00' }, true, /date-time/],
    [{ ...message, sender: { id: 1, username: 'ann', password: 'x' } }, true, /frame\/sender must NOT have additional/],
    [{ ...ready, user: { ...ready?.user, password: 'x' } }, true, /frame\/user must NOT have additional/],
    [{ type: 'other' }, true, /no such frame/],
    [{ message: 'Hello' }, true, /no such frame/],
    [{ type: 'pong' }, false, /no such frame/],
    [Buffer.from('{"type":"pong"}'), true, /no such frame/]
  ]
  for (const [frame, v1, reason] of cases) t.match(wrongWith(frame, v1), reason)
  t.equal(wrongWith(message, false), undefined)
})

t.test('a socket that was sent such a frame says so', async t => {
  const http = createServer()
  const peers = new WebSocketServer({ server: http })
  t.teardown(() => http.close())
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const arrived = new Promise<WebSocket>(resolve => peers.on('connection', resolve))
  const socket = new TestSocket(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, '/')
  const peer = await arrived
  peer.send('{"type":"ack"}')
  await t.rejects(socket.next('ack'), /against its contract/)
  await t.rejects(socket.all(0), /against its contract/)
  await t.rejects(socket.silent(0), /against its contract/)
  t.throws(() => socket.check(), /against its contract/)
  peer.close()
  await t.rejects(socket.closed(), /against its contract/)
})
