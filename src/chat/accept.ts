import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { Bus } from '../bus/bus.ts'
import type { ChatHead } from '../db/records.ts'
import type { Repositories } from '../db/repositories.ts'
import type { FairTurns } from '../fair-turns.ts'
import { incomingFrames, SUBPROTOCOL } from '../schemas/frame.ts'
import { UNREAD_ITEMS } from '../schemas/socket.ts'
import { inSlices } from '../time-slice.ts'
import { actor } from './actions/act.ts'
import { Connection } from './connection.ts'
import { tellRemoved } from './delivery.ts'
import { frameReader } from './frames.ts'
import { HEARTBEAT_MS } from './heartbeat.ts'
import type { ChatServices } from './plugin.ts'

/** Chats of one socket that are entered at once. */
const AT_ONCE = 500

const readPlain = frameReader(['send'])
const readV1 = frameReader(Object.keys(incomingFrames) as (keyof typeof incomingFrames)[])

/** The chats that a socket is for, as they were when it was let in. */
export interface Entry {
  /** Those with `unread_count` first. */
  chats: (ChatHead & { unread_count?: number })[]
  /** The version of `departures` before the chats were read. */
  since: number
}

export interface Accept extends ChatServices {
  app: { bus: Bus; db: Pick<Repositories, 'chats' | 'epoch'>; log: FastifyBaseLogger; turns: FairTurns }
  rateLimits: boolean
}

/** Makes connections of upgraded sockets, and lets them into their rooms. */
export function acceptor({ app, log, rooms, departures, sockets, heartbeat, expiry, rateLimits }: Accept) {
  const act = actor(app.bus, log)

  function connect(socket: WebSocket, { raw, caller }: FastifyRequest, chat_id: number | undefined): Connection {
    releaseRequest(socket, raw)
    const connection = new Connection(socket, {
      stream: raw.socket,
      caller,
      chat_id,
      bucket: rateLimits ? sockets.bucketOf(caller.user.id) : undefined,
      log: app.log,
      turns: app.turns,
      sockets: () => sockets.all.size,
      read: socket.protocol === SUBPROTOCOL ? readV1 : readPlain,
      act,
      pinged: () => expiry.check(connection),
      closed() {
        stopBeating()
        expiry.forget(connection)
        sockets.remove(connection)
        rooms.leaveAll(connection)
      }
    })
    const stopBeating = heartbeat.add(connection)
    sockets.add(connection)
    return connection
  }

  /** Sends `ready`, and lets the socket into its rooms. */
  return (socket: WebSocket, request: FastifyRequest, chat_id: number | undefined, after: number | undefined): void => {
    const { user, session_expires_at } = request.caller
    const { since } = request.entry
    const isIn = (chat: ChatHead) => !departures.mayHaveLeft(chat.chat_id, user.id, since)
    const chats = request.entry.chats.filter(isIn)
    const connection = connect(socket, request, chat_id)
    connection.tell({
      type: 'ready',
      user: request.caller.user,
      chats: chats.map(({ chat_id, seq, read_id, unread_count }) =>
        unread_count === undefined ? { chat_id, seq } : { chat_id, seq, read_id, unread_count }
      ),
      epoch: app.db.epoch,
      heartbeat_ms: HEARTBEAT_MS,
      session_expires_at: new Date(session_expires_at).toISOString()
    })
    const enter = (chat: ChatHead) => {
      // It may have been added to the socket meanwhile.
      if (!connection.open || connection.cursors.has(chat.chat_id)) return
      if (!isIn(chat)) return tellRemoved(connection, chat.chat_id)
      rooms.enter(connection, chat.chat_id, after ?? chat.seq, connection.v1 && after !== undefined)
    }
    if (chats.length <= AT_ONCE) chats.forEach(enter)
    else void enterInSlices(connection, chats, enter)
    const uncounted = chats.filter(({ unread_count }) => unread_count === undefined)
    if (connection.v1 && uncounted.length > 0) void tellUnread(connection, uncounted)
    expiry.check(connection)
    void expiry.confirm(connection)
  }

  /** Nothing is read from the socket before it is in all of its rooms. */
  async function enterInSlices(
    connection: Connection,
    chats: ChatHead[],
    enter: (chat: ChatHead) => void
  ): Promise<void> {
    const release = connection.hold()
    await inSlices(chats, enter)
    release()
  }

  /** A courtesy: when the database fails, the socket goes on without it. */
  async function tellUnread(connection: Connection, heads: ChatHead[]): Promise<void> {
    try {
      for (let i = 0; i < heads.length && connection.open; i += UNREAD_ITEMS) {
        const some = heads.slice(i, i + UNREAD_ITEMS)
        const counts = await app.db.chats.unread(connection.caller.user.id, some)
        const items = some.map(({ chat_id, read_id }, n) => ({ chat_id, read_id, unread_count: counts[n] as number }))
        connection.tell({ type: 'unread', items })
      }
    } catch (error) {
      app.log.error({ err: error }, 'unread messages could not be counted')
    }
  }
}

/**
 * Once upgraded, a socket needs nothing of its request: but the plugin's listener and Node's response hold on to it,
 * with its headers and hooks, for half of the memory of an idle connection.
 */
function releaseRequest(socket: WebSocket, raw: IncomingMessage): void {
  socket.removeAllListeners('error')
  socket.on('error', endSocket)
  const response: ServerResponse | undefined = Reflect.get(raw.socket, '_httpMessage')
  response?.detachSocket(raw.socket)
}

/** Resets and protocol errors are the peer's: ws is closing by now, with a code of its choice (1002, 1007, 1009). */
function endSocket(this: WebSocket): void {
  this.close(1011, 'internal error')
}
