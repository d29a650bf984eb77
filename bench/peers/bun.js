// Bun's WebSocket server (uWebSockets) and bun:sqlite, as in Bun's documentation: publish to a topic.
import { Database } from 'bun:sqlite'

const db = new Database(process.env.DATABASE)
db.run('PRAGMA journal_mode = WAL')
db.run('PRAGMA synchronous = NORMAL')
db.run(
  'CREATE TABLE messages (id INTEGER PRIMARY KEY, chat_id INTEGER, sender_id INTEGER, text TEXT, created_at INTEGER)'
)
const insert = db.prepare('INSERT INTO messages (chat_id, sender_id, text, created_at) VALUES (?, ?, ?, ?)')

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, server) {
    const query = new URL(request.url).searchParams
    const data = { chat_id: Number(query.get('chat_id')), user_id: Number(query.get('user_id')) }
    return server.upgrade(request, { data }) ? undefined : new Response('upgrade', { status: 426 })
  },
  websocket: {
    perMessageDeflate: false,
    backpressureLimit: 64 * 1024 * 1024,
    open: socket => void socket.subscribe(String(socket.data.chat_id)),
    message(socket, text) {
      const { message } = JSON.parse(text)
      const { chat_id, user_id } = socket.data
      const created_at = Date.now()
      const { lastInsertRowid } = insert.run(chat_id, user_id, message, created_at)
      const frame = { type: 'message', chat_id, id: Number(lastInsertRowid), sender_id: user_id, message, created_at }
      socket.publish(String(chat_id), JSON.stringify(frame))
    }
  }
})
process.stdout.write(`listening ${server.port}\n`)
