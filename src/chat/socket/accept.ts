import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { FairTurns } from '../../fair-turns.ts'
import { incomingFrames, SUBPROTOCOL } from '../../schemas/frame.ts'
import { type Act, Connection } from './connection.ts'
import { frameDecoder } from './frames.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { ConnectionRegistry } from './registry.ts'
import type { SessionExpiry } from './session-expiry.ts'

const decodePlain = frameDecoder(['send'])
const decodeV1 = frameDecoder(Object.keys(incomingFrames) as (keyof typeof incomingFrames)[])

export interface AcceptOptions {
  registry: ConnectionRegistry
  heartbeat: Heartbeat
  expiry: SessionExpiry
  log: FastifyBaseLogger
  /** Shares the event loop among the long frames of all sockets. */
  turns: FairTurns
  rateLimits: boolean
  /** Called before a connection writes its close frame. */
  onClosing(connection: Connection): void
  /** Called after a connection has closed. */
  onClosed(connection: Connection): void
}

/** Makes a connection of an upgraded socket. `chat_id`: its only chat. `act` carries out its frames. */
export type Accept = (
  socket: WebSocket,
  request: Pick<FastifyRequest, 'raw' | 'caller'>,
  chat_id: number | undefined,
  act: Act
) => Connection

/** Returns a function that registers upgraded sockets, with their heartbeat and the end of their session. */
export function acceptor(options: AcceptOptions): Accept {
  const { registry, heartbeat, expiry, log, turns, rateLimits, onClosing } = options
  const openSockets = () => registry.all.size
  const onPing = (connection: Connection) => expiry.check(connection)
  const onClosed = (connection: Connection) => {
    heartbeat.remove(connection)
    expiry.forget(connection)
    registry.remove(connection)
    options.onClosed(connection)
  }
  return (socket, { raw, caller }, chat_id, act) => {
    releaseRequest(socket, raw)
    const connection = new Connection(socket, {
      stream: raw.socket,
      caller,
      chat_id,
      bucket: rateLimits ? registry.bucketOf(caller.user.id) : undefined,
      log,
      turns,
      openSockets,
      decode: socket.protocol === SUBPROTOCOL ? decodeV1 : decodePlain,
      act,
      onPing,
      onClosing,
      onClosed
    })
    heartbeat.add(connection)
    registry.add(connection)
    expiry.check(connection)
    void expiry.confirm(connection)
    return connection
  }
}

/**
 * Releases the upgrade request, which an open socket does not need: the listener of @fastify/websocket and Node's
 * response would keep it alive, with its headers and hooks. That is half of the memory of an idle connection.
 */
function releaseRequest(socket: WebSocket, raw: IncomingMessage): void {
  socket.removeAllListeners('error')
  socket.on('error', closeAfterError)
  const response: ServerResponse | undefined = Reflect.get(raw.socket, '_httpMessage')
  response?.detachSocket(raw.socket)
}

/**
 * Handles connection resets and protocol errors, which the peer causes. By then, ws is already closing the socket with a
 * code of its own (1002, 1007, 1009); otherwise the code is 1011.
 */
function closeAfterError(this: WebSocket): void {
  this.close(1011, 'internal error')
}
