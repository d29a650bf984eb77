import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../config.ts'
import { CLOSE } from './connection.ts'
import { Log } from './log.ts'
import { Rooms } from './rooms.ts'
import chatRoutes from './routes/chats.ts'
import memberRoutes from './routes/members.ts'
import messageRoutes from './routes/messages.ts'
import reactionRoutes from './routes/reactions.ts'
import searchRoutes from './routes/search.ts'
import socketRoutes from './routes/socket.ts'

export interface ChatServices {
  log: Log
  rooms: Rooms
}

/** How long clients get to answer a closing handshake when the server stops, in milliseconds. */
const GRACE_MS = 2000

/** Chats over HTTP and socket: one log, one map of rooms. */
const chat: FastifyPluginAsync<Config> = async (app, config) => {
  const rooms = new Rooms()
  const log = new Log(app.db.log, (chat_id, batch) => rooms.deliver(chat_id, batch))
  app.bus.subscribe(event => rooms.hear(event))

  app.addHook('preClose', async () => {
    await log.drained()
    for (const connection of rooms.connections()) connection.close(CLOSE.restart)
    const deadline = Date.now() + GRACE_MS
    while (!rooms.empty && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
    for (const connection of rooms.connections()) connection.terminate()
  })

  const services = { log, rooms }
  app.addHook('preValidation', app.authenticate)
  app.register(chatRoutes, services)
  app.register(memberRoutes, services)
  app.register(messageRoutes, services)
  app.register(reactionRoutes, services)
  app.register(searchRoutes)
  app.register(socketRoutes, { ...services, ...config })
}

export default chat
