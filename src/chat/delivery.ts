import type { FastifyBaseLogger } from 'fastify'
import type { BusEvent } from '../bus/bus.ts'
import type { Repositories } from '../db/repositories.ts'
import { timeSlice } from '../time-slice.ts'
import { CLOSE, type Connection } from './connection.ts'
import type { Departures } from './departures.ts'
import { encode } from './frames.ts'
import type { Appended } from './log.ts'
import type { Room } from './room.ts'
import type { Rooms } from './rooms.ts'
import type { Sockets } from './sockets.ts'
import { Throttle } from './throttle.ts'

/** When more events than this are still to be told, what would make others is refused. */
const WAITING = 1000
/** A room is told of a new title or visibility at most this often, in milliseconds. */
const SETTINGS_GAP_MS = 500

/**
 * Brings committed batches and events to the sockets that they concern. Messages, and the loss of a chat, take effect at
 * once. What sockets are told of events is told in slices, one event after the other, so that an event that concerns
 * thousands of sockets holds nobody up and a `removed` never overtakes an `added`.
 */
export class Delivery {
  readonly #rooms: Rooms
  readonly #departures: Departures
  readonly #sockets: Sockets
  readonly #db: Pick<Repositories, 'chats' | 'members'>
  readonly #log: FastifyBaseLogger
  readonly #slice = timeSlice()
  readonly #settings = new WeakMap<Room, Throttle>()
  /** The end of the line of events, and how many are in it. */
  #line: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(
    rooms: Rooms,
    departures: Departures,
    sockets: Sockets,
    db: Pick<Repositories, 'chats' | 'members'>,
    log: FastifyBaseLogger
  ) {
    this.#rooms = rooms
    this.#departures = departures
    this.#sockets = sockets
    this.#db = db
    this.#log = log
  }

  /** Gives a committed batch to the sockets of its chat: nothing of it after their `left`, all of it after `joined`. */
  deliver(chat_id: number, batch: Appended[]): void {
    let from = 0
    for (let i = 0; i < batch.length; i++) {
      const { message, fresh } = batch[i] as Appended
      if (!fresh || message.seq !== message.id) continue
      if (message.kind === 'joined') this.#inLine(() => this.#welcome(chat_id, [message.sender.id]))
      if (message.kind !== 'left') continue
      // What they sent before they left is still acked to them.
      this.#deliver(chat_id, batch.slice(from, i))
      this.#dismiss(chat_id, message.sender.id)
      from = i
    }
    this.#deliver(chat_id, from === 0 ? batch : batch.slice(from))
  }

  #deliver(chat_id: number, batch: Appended[]): void {
    if (batch.length > 0) this.#rooms.get(chat_id)?.deliver(batch)
  }

  handle(event: BusEvent): void {
    switch (event.type) {
      case 'sessions_ended':
        // Not in line: however much there is to tell, a session has ended at once.
        return void this.#orLog(this.#endSessions(event.session_ids))
      case 'members_added':
        return this.#inLine(() => this.#welcome(event.chat_id, event.user_ids))
      case 'role_changed':
        return this.#inLine(() => this.#tellRole(event.chat_id, event.user_id))
      case 'read':
        return this.#rooms.get(event.chat_id)?.markers.note(event.user_id, event.id)
      case 'chat_changed':
        return this.#settingsChanged(event.chat_id)
      case 'chat_removed':
        this.#departures.note(event.chat_id)
        // Not in line: whoever is still to be told that they were added will find them gone.
        return void this.#orLog(this.#removeChat(event.chat_id))
    }
  }

  /** Whether so many events are still to be told that the server should take no change that makes another one. */
  get overloaded(): boolean {
    return this.#waiting >= WAITING
  }

  /** Events are told one after the other. Such a frame is a courtesy: when the database fails, it is not sent. */
  #inLine(job: () => Promise<void>): void {
    this.#waiting++
    this.#line = this.#orLog(this.#line.then(job)).finally(() => this.#waiting--)
  }

  #orLog(told: Promise<void>): Promise<void> {
    return told.catch(error => this.#log.error({ err: error }, 'an event could not be told'))
  }

  async #each<T>(items: Iterable<T>, job: (item: T) => void): Promise<void> {
    for (const item of items) {
      job(item)
      await this.#slice()
    }
  }

  #endSessions(session_ids: string[]): Promise<void> {
    const connections = session_ids.flatMap(id => [...this.#sockets.ofSession(id)])
    return this.#each(connections, connection => connection.close(CLOSE.sessionEnded))
  }

  /** Sockets that carry all chats of their user carry this one too, from now on. */
  async #welcome(chat_id: number, user_ids: number[]): Promise<void> {
    for (const user_id of user_ids) {
      const carriers = [...this.#sockets.ofUser(user_id)].filter(({ chat_id }) => chat_id === undefined)
      if (carriers.length === 0) continue
      await this.#slice()
      const since = this.#departures.version
      const chat = await this.#db.chats.find(chat_id, user_id)
      if (!chat || this.#departures.mayHaveLeft(chat_id, user_id, since)) continue
      for (const connection of carriers) {
        if (!connection.open || connection.cursors.has(chat_id)) continue
        connection.tell({ type: 'chat', change: 'added', chat })
        this.#rooms.enter(connection, chat_id, chat.seq)
      }
    }
  }

  /** A user is no longer in a chat: none of their sockets gets anything more of it. */
  #dismiss(chat_id: number, user_id: number): void {
    this.#departures.note(chat_id, user_id)
    const cursors = this.#rooms.cursorsOf(chat_id, user_id)
    for (const cursor of cursors) this.#rooms.leave(cursor)
    if (cursors.length === 0) return
    this.#inLine(() => this.#each(cursors, ({ connection }) => tellRemoved(connection, chat_id)))
  }

  async #removeChat(chat_id: number): Promise<void> {
    await this.#each(this.#rooms.get(chat_id)?.cursors ?? [], cursor => {
      this.#rooms.leave(cursor)
      tellRemoved(cursor.connection, chat_id)
    })
  }

  async #tellRole(chat_id: number, user_id: number): Promise<void> {
    const room = this.#rooms.get(chat_id)
    if (!room?.presence.has(user_id)) return
    const role = (await this.#db.members.access(chat_id, user_id))?.role
    if (role) room.tellUser(user_id, 'role', encode({ type: 'chat', change: 'updated', chat: { id: chat_id, role } }))
  }

  /** Title and visibility are read and told once for all changes of a while. */
  #settingsChanged(chat_id: number): void {
    const room = this.#rooms.get(chat_id)
    if (!room) return
    const throttle =
      this.#settings.get(room) ?? new Throttle(SETTINGS_GAP_MS, () => this.#inLine(() => this.#tellSettings(room)))
    this.#settings.set(room, throttle)
    throttle.ask()
  }

  async #tellSettings(room: Room): Promise<void> {
    const chat = await this.#db.chats.describe(room.chat_id)
    if (chat) room.tellAll('chat', encode({ type: 'chat', change: 'updated', chat }))
  }
}

/** A socket for this chat alone has nothing left to do; one for all chats goes on without it. */
export function tellRemoved(connection: Connection, chat_id: number): void {
  if (connection.chat_id === chat_id) connection.close(CLOSE.removed)
  else connection.tell({ type: 'chat', change: 'removed', chat: { id: chat_id } })
}
