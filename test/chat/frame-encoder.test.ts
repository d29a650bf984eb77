import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import t from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { PING_FRAME, textFrame } from '../../src/chat/socket/frame-encoder.ts'

/** The bytes that ws writes for what `write` does to a server's socket. */
async function bytesOf(write: (socket: WebSocket) => void): Promise<Buffer> {
  const [near, far] = duplexPair({ highWaterMark: 1024 * 1024 })
  const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const headers = {
    upgrade: 'websocket',
    connection: 'upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
  }
  const request = { method: 'GET', headers } as never
  const [socket] = await new Promise<[WebSocket]>(resolve =>
    wss.handleUpgrade(request, far as never, Buffer.alloc(0), socket => resolve([socket]))
  )
  await once(near, 'readable')
  near.read()
  write(socket)
  await once(near, 'readable')
  const bytes = near.read()
  socket.terminate()
  wss.close()
  return bytes
}

t.test('a text frame has the bytes that ws.send writes', async t => {
  const texts = [
    '',
    'a',
    'x'.repeat(125),
    'x'.repeat(126),
    'ä'.repeat(63),
    'x'.repeat(65_535),
    'x'.repeat(65_536),
    '👍\u2028'
  ]
  for (const text of texts) {
    const expected = await bytesOf(socket => socket.send(text))
    t.ok(textFrame(text).equals(expected), `${text.length} characters`)
  }
})

t.test('a ping frame has the bytes that ws.ping writes', async t => {
  t.ok(PING_FRAME.equals(await bytesOf(socket => socket.ping())))
})
