import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../config.ts'
import { ChatError } from '../errors.ts'
import { CatchUp } from './delivery/catch-up.ts'
import { Departures } from './delivery/departures.ts'
import { Delivery } from './delivery/events.ts'
import { Rooms } from './delivery/rooms.ts'
import { Log } from './log.ts'
import chatRoutes from './routes/chats.ts'
import memberRoutes from './routes/members.ts'
import messageRoutes from './routes/messages.ts'
import reactionRoutes from './routes/reactions.ts'
import searchRoutes from './routes/search.ts'
import socketRoutes from './routes/socket.ts'
import { CLOSE } from './socket/connection.ts'
import { Heartbeat } from './socket/heartbeat.ts'
import { Sockets } from './socket/registry.ts'
import { Expiry } from './socket/session-expiry.ts'

export interface ChatServices {
  log: Log
  rooms: Rooms
  departures: Departures
  sockets: Sockets
  heartbeat: Heartbeat
  expiry: Expiry
}

/** For how long frames are still taken after `bye`, and handshakes awaited after the close, in milliseconds. */
const LAST_FRAMES_MS = 250
const CLOSING_MS = 4000
/** Clients come back spread over a time that grows with their number, in milliseconds. */
const BACK_AT_LEAST_MS = 500
const BACK_EACH_MS = 2
const BACK_AT_MOST_MS = 20_000

/** Chats over HTTP and socket: one log, one map of rooms. */
const chat: FastifyPluginAsync<Config> = async (app, config) => {
  const sockets = new Sockets()
  const rooms = new Rooms(sockets, new CatchUp(app.db.messages), app.log)
  const departures = new Departures()
  const delivery = new Delivery(rooms, departures, sockets, app.db, app.log)
  const log = new Log(app.db.log, rooms, delivery, app.log)
  const heartbeat = new Heartbeat()
  const services = { log, rooms, departures, sockets, heartbeat, expiry: new Expiry(app.db.sessions) }
  app.bus.subscribe(event => delivery.handle(event))

  /** What was sent is stored and acked before the sockets close; then they are told to come back, not all at once. */
  app.addHook('preClose', async () => {
    const spread = Math.min(BACK_AT_MOST_MS, BACK_AT_LEAST_MS + sockets.all.size * BACK_EACH_MS)
    for (const connection of sockets.all) connection.tell({ type: 'bye', after_ms: Math.round(Math.random() * spread) })
    if (sockets.all.size > 0) await sleep(LAST_FRAMES_MS)
    for (const connection of sockets.all) connection.ignore()
    await log.drained()
    for (const connection of sockets.all) connection.close(CLOSE.restart)
    for (const end = Date.now() + CLOSING_MS; sockets.all.size > 0 && Date.now() < end; ) await sleep(10)
    for (const connection of sockets.all) connection.terminate()
    heartbeat.stop()
  })

  app.addHook('preValidation', app.authenticate)
  app.addHook('preHandler', app.limitChanges)
  app.register(async app => {
    app.addHook('preHandler', async ({ method }) => {
      if (method !== 'GET' && delivery.overloaded) throw new ChatError('OVERLOADED', { retryAfter: 1 })
    })
    app.register(chatRoutes, services)
    app.register(memberRoutes, services)
  })
  app.register(messageRoutes, services)
  app.register(reactionRoutes, services)
  app.register(searchRoutes)
  app.register(socketRoutes, { ...services, ...config })
}

export default chat
