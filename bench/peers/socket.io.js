// Socket.IO and better-sqlite3, as in Socket.IO's chat tutorial: an insert, then an emit to the room.
import { createServer } from 'node:http'
import Database from 'better-sqlite3'
import { Server } from 'socket.io'

const db = new Database(process.env.DATABASE)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = NORMAL')
db.exec(
  'CREATE TABLE messages (id INTEGER PRIMARY KEY, chat_id INTEGER, sender_id INTEGER, text TEXT, created_at INTEGER)'
)
const insert = db.prepare('INSERT INTO messages (chat_id, sender_id, text, created_at) VALUES (?, ?, ?, ?)')

const http = createServer()
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false })
io.on('connection', socket => {
  const { chat_id, user_id } = socket.handshake.query
  socket.join(chat_id)
  socket.on('message', ({ message }) => {
    const created_at = Date.now()
    const { lastInsertRowid: id } = insert.run(chat_id, user_id, message, created_at)
    socket.to(chat_id).emit('message', { type: 'message', chat_id, id, sender_id: user_id, message, created_at })
  })
})
http.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${http.address().port}\n`))
