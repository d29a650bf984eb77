import type { FastifyInstance } from 'fastify'
import type { Config } from '../config.ts'
import { type Dispatcher, dispatcher } from './actions/dispatch.ts'
import { Admission } from './delivery/admission.ts'
import { Broadcast } from './delivery/broadcast.ts'
import { CatchUp } from './delivery/catch-up.ts'
import { Departures } from './delivery/departures.ts'
import { ChatEvents } from './delivery/events.ts'
import { Rooms } from './delivery/rooms.ts'
import { Log } from './log.ts'
import { type Accept, acceptor } from './socket/accept.ts'
import { Heartbeat } from './socket/heartbeat.ts'
import { ConnectionRegistry } from './socket/registry.ts'
import { SessionExpiry } from './socket/session-expiry.ts'

/** The parts of the chat core that routes and hooks use. One set per app. */
export interface ChatServices {
  log: Log
  rooms: Rooms
  events: ChatEvents
  departures: Departures
  registry: ConnectionRegistry
  heartbeat: Heartbeat
  /** Makes a connection of an upgraded socket. */
  accept: Accept
  /** Makes the `act` of a socket. */
  dispatch: Dispatcher
  admission: Admission
}

/** Builds the services, from the sockets up to the log. */
export function chatServices(app: FastifyInstance, { rateLimits }: Pick<Config, 'rateLimits'>): ChatServices {
  const { db, bus, turns } = app
  const logger = app.log
  const registry = new ConnectionRegistry()
  const heartbeat = new Heartbeat()
  const rooms = new Rooms(registry, new CatchUp(db.messages), logger)
  const accept = acceptor({
    registry,
    heartbeat,
    expiry: new SessionExpiry(db.sessions),
    log: logger,
    turns,
    rateLimits,
    onClosing: connection => rooms.flush(connection),
    onClosed: connection => rooms.leaveAll(connection)
  })
  const departures = new Departures()
  const admission = new Admission(rooms, departures, db, logger)
  const events = new ChatEvents(rooms, departures, registry, db, logger)
  const log = new Log(db.log, rooms, new Broadcast(rooms, events), logger)
  const dispatch = dispatcher(bus, log)
  return { log, rooms, events, departures, registry, heartbeat, accept, dispatch, admission }
}
