// The minimum that a server can do: it forwards each frame unchanged to the other sockets of the room, without storage.
// So its figures are the maximum of the load process and the kernel.
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'

/** Frames begin with the fields that a real server adds, so that they have the size of a real server's frames. */
const BEFORE = Buffer.from(
  '{"type":"message","chat_id":1,"id":100001,"seq":100001,"kind":"text","created_at":"2026-01-31T12:00:00.000Z",' +
    '"sender":{"id":1001,"username":"load-mabcdefg-1001"},'
)

const rooms = new Map()

function roomOf(id) {
  const room = rooms.get(id) ?? { sockets: new Set(), waiting: [] }
  rooms.set(id, room)
  return room
}

/** Splits a chunk into frames to send and a rest. The mask of the client is zero, so nothing has to be unmasked. */
function relay(data) {
  const frames = []
  let at = 0
  while (data.length - at >= 8) {
    const short = data[at + 1] & 0x7f
    const header = short < 126 ? 6 : 8
    const length = short < 126 ? short : data.readUInt16BE(at + 2)
    if (data.length - at < header + length) break
    const start = Buffer.from([0x81, 126, 0, 0])
    start.writeUInt16BE(BEFORE.length + length - 1, 2)
    frames.push(start, BEFORE, data.subarray(at + header + 1, at + header + length))
    at += header + length
  }
  return { frames: Buffer.concat(frames), rest: data.subarray(at) }
}

/** Writes once to each socket: all messages of this turn of the event loop, without its own. */
function flush(room) {
  const waiting = room.waiting
  room.waiting = []
  const senders = new Set(waiting.map(({ sender }) => sender))
  const all = Buffer.concat(waiting.map(({ frames }) => frames))
  for (const socket of room.sockets) {
    if (!senders.has(socket)) socket.write(all)
    else if (senders.size > 1) {
      socket.write(Buffer.concat(waiting.filter(({ sender }) => sender !== socket).map(({ frames }) => frames)))
    }
  }
}

function upgrade(socket, head) {
  const key = /^sec-websocket-key: *(.+)$/im.exec(head)[1].trim()
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
  const room = roomOf(/chat_id=(\d+)/.exec(head)[1])
  room.sockets.add(socket)
  socket.once('close', () => room.sockets.delete(socket))
  return room
}

const server = createServer({ noDelay: true }, sender => {
  let room
  let rest = Buffer.alloc(0)
  sender.on('error', () => sender.destroy())
  sender.on('data', chunk => {
    // The client sends frames only after the reply, so the first chunk has only the request.
    if (!room) {
      rest = Buffer.concat([rest, chunk])
      if (!rest.includes('\r\n\r\n')) return
      room = upgrade(sender, rest.toString('latin1'))
      rest = Buffer.alloc(0)
      return
    }
    const read = relay(rest.length ? Buffer.concat([rest, chunk]) : chunk)
    rest = read.rest
    if (read.frames.length === 0) return
    if (room.waiting.length === 0) setImmediate(flush, room)
    room.waiting.push({ sender, frames: read.frames })
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`))
