// ws and better-sqlite3 in the simplest form: an insert, a stringify, and a send for each receiver.
import Database from 'better-sqlite3'
import { WebSocketServer } from 'ws'

const db = new Database(process.env.DATABASE)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = NORMAL')
db.exec(
  'CREATE TABLE messages (id INTEGER PRIMARY KEY, chat_id INTEGER, sender_id INTEGER, text TEXT, created_at INTEGER)'
)
const insert = db.prepare('INSERT INTO messages (chat_id, sender_id, text, created_at) VALUES (?, ?, ?, ?)')

const rooms = new Map()
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', (socket, request) => {
  const query = new URL(request.url, 'http://localhost').searchParams
  const [chat_id, user_id] = [Number(query.get('chat_id')), Number(query.get('user_id'))]
  const room = rooms.get(chat_id) ?? new Set()
  rooms.set(chat_id, room.add(socket))
  socket.on('close', () => room.delete(socket))
  socket.on('message', data => {
    const { message } = JSON.parse(data)
    const created_at = Date.now()
    const { lastInsertRowid: id } = insert.run(chat_id, user_id, message, created_at)
    const frame = JSON.stringify({ type: 'message', chat_id, id, sender_id: user_id, message, created_at })
    for (const other of room) if (other !== socket) other.send(frame)
  })
})
server.on('listening', () => process.stdout.write(`listening ${server.address().port}\n`))
