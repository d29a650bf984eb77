import type { FastifyBaseLogger } from 'fastify'
import type { ChatHead } from '../../db/records.ts'
import type { Repositories } from '../../db/repositories.ts'
import { UNREAD_ITEMS } from '../../schemas/socket.ts'
import { inSlices } from '../../time-slice.ts'
import type { Connection } from '../socket/connection.ts'
import { HEARTBEAT_MS } from '../socket/heartbeat.ts'
import type { Departures } from './departures.ts'
import { sendRemoved } from './events.ts'
import type { Rooms } from './rooms.ts'

/** A socket with more chats than this enters their rooms in time slices. */
const MAX_AT_ONCE = 500

/** The chats of a socket, as the handshake has read them. */
export interface SocketChats {
  /** The chats with `unread_count` come first. */
  chats: (ChatHead & { unread_count?: number })[]
  /** `departures.version` before the chats were read. */
  since: number
}

/** Sends new connections their `ready` frame, and lets them enter the rooms of their chats. */
export class Admission {
  readonly #rooms: Rooms
  readonly #departures: Departures
  readonly #db: Pick<Repositories, 'chats' | 'epoch'>
  readonly #log: FastifyBaseLogger

  constructor(rooms: Rooms, departures: Departures, db: Pick<Repositories, 'chats' | 'epoch'>, log: FastifyBaseLogger) {
    this.#rooms = rooms
    this.#departures = departures
    this.#db = db
    this.#log = log
  }

  /** `after`: the `seq` up to which the client has every change of its only chat. */
  admit(connection: Connection, { chats: atHandshake, since }: SocketChats, after: number | undefined): void {
    const user_id = connection.caller.user.id
    const isMember = ({ chat_id }: ChatHead) => !this.#departures.mayHaveLeft(chat_id, user_id, since)
    const chats = atHandshake.filter(isMember)
    if (connection.chat_id !== undefined && chats.length === 0) return sendRemoved(connection, connection.chat_id)
    this.#sendReady(connection, chats)
    const enter = (chat: ChatHead) => {
      // In later slices, an event may have added the chat or removed the member.
      if (!connection.open || this.#rooms.has(connection, chat.chat_id)) return
      if (!isMember(chat)) return sendRemoved(connection, chat.chat_id)
      this.#rooms.enter(connection, chat.chat_id, after ?? chat.seq, connection.v1 && after !== undefined)
    }
    if (chats.length <= MAX_AT_ONCE) chats.forEach(enter)
    else void this.#enterInSlices(connection, chats, enter)
    const uncounted = chats.filter(({ unread_count }) => unread_count === undefined)
    if (connection.v1 && uncounted.length > 0) void this.#sendUnread(connection, uncounted)
  }

  #sendReady(connection: Connection, chats: SocketChats['chats']): void {
    const { user, session_expires_at } = connection.caller
    connection.send({
      type: 'ready',
      user,
      chats: chats.map(({ chat_id, seq, read_id, unread_count }) =>
        unread_count === undefined ? { chat_id, seq } : { chat_id, seq, read_id, unread_count }
      ),
      epoch: this.#db.epoch,
      heartbeat_ms: HEARTBEAT_MS,
      session_expires_at: new Date(session_expires_at).toISOString()
    })
  }

  /** The socket is not read until it is in all of its rooms. */
  async #enterInSlices(connection: Connection, chats: ChatHead[], enter: (chat: ChatHead) => void): Promise<void> {
    const resume = connection.pauseReading()
    await inSlices(chats, enter)
    resume()
  }

  /** Sends the counts that `ready` leaves out. After a failure of the database, the socket continues without them. */
  async #sendUnread(connection: Connection, heads: ChatHead[]): Promise<void> {
    try {
      for (let i = 0; i < heads.length && connection.open; i += UNREAD_ITEMS) {
        const some = heads.slice(i, i + UNREAD_ITEMS)
        const counts = await this.#db.chats.unread(connection.caller.user.id, some)
        const items = some.map(({ chat_id, read_id }, n) => ({ chat_id, read_id, unread_count: counts[n] as number }))
        connection.send({ type: 'unread', items })
      }
    } catch (error) {
      this.#log.error({ err: error }, 'unread messages could not be counted')
    }
  }
}
