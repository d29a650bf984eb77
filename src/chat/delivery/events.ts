import type { FastifyBaseLogger } from 'fastify'
import type { BusEvent } from '../../bus/bus.ts'
import type { Repositories } from '../../db/repositories.ts'
import { timeSlice } from '../../time-slice.ts'
import { Throttle } from '../ephemeral/throttle.ts'
import { CLOSE } from '../socket/close-codes.ts'
import type { Connection } from '../socket/connection.ts'
import { encode } from '../socket/frames.ts'
import type { ConnectionRegistry } from '../socket/registry.ts'
import type { Departures } from './departures.ts'
import type { Room } from './room.ts'
import type { Rooms } from './rooms.ts'

/** With this many queued events, requests that would cause more of them are refused. */
const MAX_QUEUED = 1000
/** The min time between two frames about the settings of a chat, in milliseconds. */
const SETTINGS_GAP_MS = 500

/**
 * Turns events of the bus into frames, and into cursors that enter and leave rooms. A removal takes effect at once. The
 * frames of an event are sent in time slices, one event after the other: an event for thousands of sockets does not
 * block the event loop, and a `removed` never overtakes an `added`.
 */
export class ChatEvents {
  readonly #rooms: Rooms
  readonly #departures: Departures
  readonly #registry: ConnectionRegistry
  readonly #db: Pick<Repositories, 'chats' | 'members'>
  readonly #log: FastifyBaseLogger
  readonly #slice = timeSlice()
  readonly #settingsThrottles = new WeakMap<Room, Throttle>()
  /** Resolves after the last queued event. */
  #lastQueued: Promise<void> = Promise.resolve()
  #queued = 0

  constructor(
    rooms: Rooms,
    departures: Departures,
    registry: ConnectionRegistry,
    db: Pick<Repositories, 'chats' | 'members'>,
    log: FastifyBaseLogger
  ) {
    this.#rooms = rooms
    this.#departures = departures
    this.#registry = registry
    this.#db = db
    this.#log = log
  }

  /** Whether so many events are queued that the server must refuse changes that cause more of them. */
  get overloaded(): boolean {
    return this.#queued >= MAX_QUEUED
  }

  handle(event: BusEvent): void {
    switch (event.type) {
      case 'sessions_ended':
        // Not queued: the end of a session does not wait for other events.
        return void this.#logErrors(this.#closeSessions(event.session_ids))
      case 'members_added':
        return this.#enqueue(() => this.#addToSockets(event.chat_id, event.user_ids))
      case 'role_changed':
        return this.#enqueue(() => this.#sendRole(event.chat_id, event.user_id))
      case 'read':
        return this.#rooms.get(event.chat_id)?.readMarkers.move(event.user_id, event.id)
      case 'chat_changed':
        return this.#scheduleSettings(event.chat_id)
      case 'chat_removed':
        this.#departures.record(event.chat_id)
        // Not queued: a queued `members_added` event finds that the chat is deleted.
        return void this.#logErrors(this.#removeChat(event.chat_id))
    }
  }

  /** A user has joined a chat: their sockets for all chats enter it. */
  memberJoined(chat_id: number, user_id: number): void {
    this.#enqueue(() => this.#addToSockets(chat_id, [user_id]))
  }

  /** A user is no longer in a chat: their sockets get nothing more of it. */
  memberLeft(chat_id: number, user_id: number): void {
    this.#departures.record(chat_id, user_id)
    const cursors = this.#rooms.cursorsOf(chat_id, user_id)
    for (const cursor of cursors) this.#rooms.leave(cursor)
    if (cursors.length === 0) return
    this.#enqueue(() => this.#forEach(cursors, ({ connection }) => sendRemoved(connection, chat_id)))
  }

  /** Handles events one after the other. After a failure of the database, the frames of the event are lost. */
  #enqueue(job: () => Promise<void>): void {
    this.#queued++
    this.#lastQueued = this.#logErrors(this.#lastQueued.then(job)).finally(() => this.#queued--)
  }

  #logErrors(handled: Promise<void>): Promise<void> {
    return handled.catch(error => this.#log.error({ err: error }, 'the frames of an event could not be sent'))
  }

  /** Runs a job for each item, in time slices. */
  async #forEach<T>(items: Iterable<T>, job: (item: T) => void): Promise<void> {
    for (const item of items) {
      job(item)
      await this.#slice()
    }
  }

  #closeSessions(session_ids: string[]): Promise<void> {
    const connections = session_ids.flatMap(id => [...this.#registry.ofSession(id)])
    return this.#forEach(connections, connection => connection.close(CLOSE.sessionEnded))
  }

  /** Adds a chat to the sockets of these users that carry all of their chats. */
  async #addToSockets(chat_id: number, user_ids: number[]): Promise<void> {
    for (const user_id of user_ids) {
      const connections = [...this.#registry.ofUser(user_id)].filter(({ chat_id }) => chat_id === undefined)
      if (connections.length === 0) continue
      await this.#slice()
      const since = this.#departures.version
      const chat = await this.#db.chats.find(chat_id, user_id)
      if (!chat || this.#departures.mayHaveLeft(chat_id, user_id, since)) continue
      for (const connection of connections) {
        if (!connection.open || this.#rooms.has(connection, chat_id)) continue
        connection.send({ type: 'chat', change: 'added', chat })
        this.#rooms.enter(connection, chat_id, chat.seq)
      }
    }
  }

  async #removeChat(chat_id: number): Promise<void> {
    await this.#forEach(this.#rooms.get(chat_id)?.cursors.values() ?? [], cursor => {
      this.#rooms.leave(cursor)
      sendRemoved(cursor.connection, chat_id)
    })
  }

  async #sendRole(chat_id: number, user_id: number): Promise<void> {
    const room = this.#rooms.get(chat_id)
    if (!room?.presence.has(user_id)) return
    const role = (await this.#db.members.access(chat_id, user_id))?.role
    if (role) room.updateUser(user_id, 'role', encode({ type: 'chat', change: 'updated', chat: { id: chat_id, role } }))
  }

  /** Several changes of the settings within a short time are sent as one frame. */
  #scheduleSettings(chat_id: number): void {
    const room = this.#rooms.get(chat_id)
    if (!room) return
    const throttle =
      this.#settingsThrottles.get(room) ??
      new Throttle(SETTINGS_GAP_MS, () => this.#enqueue(() => this.#sendSettings(room)))
    this.#settingsThrottles.set(room, throttle)
    throttle.trigger()
  }

  async #sendSettings(room: Room): Promise<void> {
    const chat = await this.#db.chats.describe(room.chat_id)
    if (chat) room.updateAll('chat', encode({ type: 'chat', change: 'updated', chat }))
  }
}

/** Closes a socket whose only chat is this one. A socket for all chats gets a `chat` frame and stays open. */
export function sendRemoved(connection: Connection, chat_id: number): void {
  if (connection.chat_id === chat_id) connection.close(CLOSE.removed)
  else connection.send({ type: 'chat', change: 'removed', chat: { id: chat_id } })
}
