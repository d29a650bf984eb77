import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Change, Result, Success } from '../db/changes.ts'
import type { Repositories } from '../db/repositories.ts'
import { ChatError, type ErrorCode } from '../errors.ts'
import type { Message } from '../schemas/message.ts'
import type { Connection } from './connection.ts'
import type { Delivery } from './delivery.ts'
import type { Rooms } from './rooms.ts'

/** A change on its way into the log. */
export interface Entry {
  change: Change
  /** The socket that asked for it; absent for HTTP. */
  origin?: Connection
  /** Called once the change is on disk or refused, after the frames for who asked were written. */
  done(outcome: Result): void
}

/** What a batch did to one chat, in order. */
export interface Appended {
  message: Message
  /** Whether the log grew; otherwise a `client_id` was repeated, and `message` is the first one. */
  fresh: boolean
  origin: Connection | undefined
  client_id: string | undefined
}

/** More changes than this wait for the disk: new ones are refused until it has caught up. */
const WAITING = 20_000
/** More changes than this, or more characters of text, would hold up the event loop. */
const BATCH = 2000
const BATCH_CHARACTERS = 256 * 1024
/** `data` takes as long as so many characters of text, most of it to be turned into JSON. */
const DATA_CHARACTERS = 1024
/** While a large room is served, that gets so many times as long as it took to store the last batch: disks can be slow. */
const SERVING = 4
/** A batch that took longer than this to store met a stall. In milliseconds. */
const STALL_MS = 25

/**
 * The one way into the database for whatever changes a chat. What arrives within one turn of the event loop is one
 * batch: one transaction, one fsync; then the rooms are told, then the askers.
 */
export class Log {
  readonly #repository: Repositories['log']
  readonly #rooms: Pick<Rooms, 'busy' | 'someFull' | 'isFull'>
  readonly #delivery: Pick<Delivery, 'deliver'>
  readonly #logger: Pick<FastifyBaseLogger, 'error'>
  #queue: Entry[] = []
  #flushing: Promise<void> | undefined
  /** How long the last batch took to store, and when it was done. In milliseconds. */
  #stored = 0
  #doneAt = 0

  constructor(
    repository: Repositories['log'],
    rooms: Pick<Rooms, 'busy' | 'someFull' | 'isFull'>,
    delivery: Pick<Delivery, 'deliver'>,
    logger: Pick<FastifyBaseLogger, 'error'>
  ) {
    this.#repository = repository
    this.#rooms = rooms
    this.#delivery = delivery
    this.#logger = logger
  }

  /** Takes a change, or calls its `done` with OVERLOADED at once when too many wait. */
  submit(entry: Entry): void {
    if (this.#queue.length >= WAITING) return entry.done({ error: 'OVERLOADED' })
    this.#queue.push(entry)
    this.#flushing ??= this.#flush()
  }

  /** Makes one change. Resolves when it is on disk and was broadcast; throws ChatError when it is refused. */
  append(change: Change): Promise<Success> {
    return new Promise((resolve, reject) => {
      const done = (outcome: Result) =>
        'error' in outcome ? reject(toError(outcome.error, outcome.cause)) : resolve(outcome)
      this.submit({ change, done })
    })
  }

  /** Resolves when everything submitted so far is on disk or refused. */
  async drained(): Promise<void> {
    await this.#flushing
  }

  async #flush(): Promise<void> {
    await turn()
    while (this.#queue.length > 0) {
      await this.#giveWay()
      const batch = this.#rooms.someFull ? this.#takeUnlessFull() : this.#take(this.#queue)
      if (batch.length === 0) {
        await turn()
        continue
      }
      const began = performance.now()
      const outcomes = await this.#repository.append(batch.map(entry => entry.change))
      this.#stored = Math.min(performance.now() - began, STALL_MS)
      this.#publish(batch, outcomes)
      this.#doneAt = performance.now()
      // Sockets are read, and their sends gathered, between two batches.
      await turn()
    }
    this.#flushing = undefined
  }

  /** Takes the next batch from the queue. */
  #take(queue: Entry[], later: Entry[] = []): Entry[] {
    let characters = 0
    let end = 0
    while (end < queue.length && end < BATCH && characters < BATCH_CHARACTERS) {
      const { change } = queue[end++] as Entry
      if ('text' in change) characters += change.text?.length ?? 0
      if ('data' in change && change.data) characters += DATA_CHARACTERS
    }
    // A new array: an old one would keep what is in it from the collector's young generation.
    const rest = queue.slice(end)
    this.#queue = later.length > 0 ? rest.concat(later) : rest
    return queue.slice(0, end)
  }

  /** The same without the changes of chats whose sockets must be served first. */
  #takeUnlessFull(): Entry[] {
    const [full, others] = [[], []] as [Entry[], Entry[]]
    for (const entry of this.#queue) (this.#rooms.isFull(entry.change.chat_id) ? full : others).push(entry)
    return this.#take(others, full)
  }

  /** A large room is served before the next batch comes in its way, but not for ever. */
  async #giveWay(): Promise<void> {
    while (this.#rooms.busy && performance.now() - this.#doneAt < this.#stored * SERVING) await turn()
  }

  #publish(batch: Entry[], outcomes: Result[]): void {
    const chats = new Map<number, Appended[]>()
    const causes: unknown[] = []
    for (let i = 0; i < batch.length; i++) {
      const { change, origin } = batch[i] as Entry
      const outcome = outcomes[i] as Result
      if ('error' in outcome) {
        if (outcome.cause) causes.push(outcome.cause)
        continue
      }
      if (!outcome.message || !(outcome.changed || origin)) continue
      const { message, changed: fresh } = outcome
      const client_id = change.type === 'send' ? change.client_id : undefined
      const appended = { message, fresh, origin, client_id }
      const others = chats.get(change.chat_id)
      if (others) others.push(appended)
      else chats.set(change.chat_id, [appended])
    }
    // One line for all: a full disk is not helped by a line for each.
    if (causes.length > 0) this.#logger.error({ err: causes[0], count: causes.length }, 'changes could not be stored')
    for (const [chat_id, appended] of chats) this.#guard(this.#deliver, chat_id, appended)
    for (let i = 0; i < batch.length; i++) this.#guard(answer, batch[i] as Entry, outcomes[i] as Result)
  }

  readonly #deliver = (chat_id: number, batch: Appended[]) => this.#delivery.deliver(chat_id, batch)

  /** What goes wrong with one chat or one asker must not stop the log for everybody. */
  #guard<A, B>(tell: (a: A, b: B) => void, a: A, b: B): void {
    try {
      tell(a, b)
    } catch (error) {
      this.#logger.error({ err: error }, 'a change is stored but could not be told')
    }
  }
}

function answer(entry: Entry, outcome: Result): void {
  entry.done(outcome)
}

function toError(code: ErrorCode, cause: unknown): ChatError {
  const retry = code === 'OVERLOADED' || code === 'STORAGE_FAILED' ? { retryAfter: 1 } : {}
  return new ChatError(code, { ...retry, cause })
}
