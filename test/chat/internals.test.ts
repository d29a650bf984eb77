import { once } from 'node:events'
import { ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { Json } from '../helper.ts'

// The server uses some internals of Node, ws and @fastify/websocket. These tests use the same internals without the
// server: when one of them fails after an upgrade, change the code that uses the internal before anything else.

/** The two ends of an upgraded socket, as the route of the server gets them. */
async function upgrade(t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(websocket)
  const accepted = Promise.withResolvers<{ socket: WebSocket; request: FastifyRequest }>()
  app.get('/ws', { websocket: true }, (socket, request) => accepted.resolve({ socket, request }))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const client = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  const [{ socket, request }] = await Promise.all([accepted.promise, once(client, 'open')])
  const stream: Socket = request.raw.socket
  return { client, socket, stream, response: Reflect.get(stream, '_httpMessage') }
}

t.test('Node: `_httpMessage` of an upgraded socket is the response, until `detachSocket`', async t => {
  const { client, stream, response } = await upgrade(t)
  t.type(response, ServerResponse)
  response.detachSocket(stream)
  t.equal(Reflect.get(stream, '_httpMessage'), null)
  client.terminate()
})

t.test('@fastify/websocket: its only listener on a socket that holds the request is for `error`', async t => {
  const { client, socket } = await upgrade(t)
  t.equal(socket.listenerCount('error'), 1)
  client.terminate()
})

t.test('ws: one `data` listener reads all frames of a stream, and can be called with parts of it', async t => {
  const { client, socket, stream } = await upgrade(t)
  const listeners = stream.listeners('data') as ((chunk: Buffer) => void)[]
  t.equal(listeners.length, 1)
  const [listener] = listeners as [(chunk: Buffer) => void]
  stream.off('data', listener)
  stream.on('data', chunk => {
    for (const byte of chunk) listener.call(stream, Buffer.from([byte]))
  })
  const message = once(socket, 'message')
  client.send('hello')
  t.equal(String((await message)[0]), 'hello')
  const closed = once(client, 'close')
  client.close(1000)
  t.equal((await closed)[0], 1000, 'a close frame, too')
})

t.test('Node: `_handle` of a TCP socket counts what it was given, and what the system has not taken', async t => {
  const BYTES = 32 * 1024 * 1024
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer({ pauseOnConnect: true }, accepted.resolve)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const stream: Socket & Json = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [reader] = await Promise.all([accepted.promise, once(stream, 'connect')])
  t.teardown(() => {
    stream.destroy()
    reader.destroy()
    server.close()
  })
  const written = Promise.withResolvers<void>()
  stream.write(Buffer.alloc(BYTES), () => written.resolve())
  await new Promise(setImmediate)
  const { _handle: handle } = stream
  t.equal(handle.bytesWritten, BYTES)
  t.ok(handle.writeQueueSize > 0 && handle.writeQueueSize < BYTES, `${handle.writeQueueSize} bytes wait`)
  reader.resume()
  await written.promise
  t.equal(handle.bytesWritten, BYTES)
  t.equal(handle.writeQueueSize, 0)
})

t.test('ws: the options that its types do not name end a socket', async t => {
  const options = { port: 0, host: '127.0.0.1', closeTimeout: 100, maxFragments: 2 }
  const server = new WebSocketServer(options)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const open = async () => {
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const [[socket]] = await Promise.all([once(server, 'connection'), once(client, 'open')])
    return { client, socket }
  }

  const silent = await open()
  silent.client.pause()
  silent.socket.close(1000)
  // Without the option, ws waits for 30 s.
  await once(silent.socket, 'close', { signal: AbortSignal.timeout(10_000) })
  silent.client.terminate()

  const fragmented = await open()
  const failed = once(fragmented.socket, 'error')
  for (let i = 0; i < 4; i++) fragmented.client.send('x', { fin: false })
  t.match((await failed)[0], { code: 'WS_ERR_TOO_MANY_BUFFERED_PARTS' })
  fragmented.client.terminate()
})
