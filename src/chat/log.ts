import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Change, Outcome } from '../db/log.ts'
import type { Repositories } from '../db/plugin.ts'
import { ChatError, type ErrorCode } from '../errors.ts'
import type { Message } from '../schemas/message.ts'
import type { Connection } from './connection.ts'

/** A change on its way into the log. */
export interface Entry {
  change: Change
  /** The socket that asked for it; absent for HTTP. */
  origin?: Connection
  /** Called once the change is on disk or refused, after everybody's frames were written. */
  done(outcome: Outcome): void
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
/** More changes than this would hold up the event loop. */
const BATCH = 2000
/**
 * When many sockets listen, and for the disk, a batch of one change costs nearly as much as one of a hundred. While
 * batches follow each other and a change costs more than this, in milliseconds, the next batch waits for company: until
 * none has come for a part of what the last batch cost, and in all for no more than a larger part.
 */
const DEAR_MS = 0.1
const GAP = 1 / 16
const PATIENCE = 1 / 4
/** What a batch cost beyond this was a stall, and no reason to wait. In milliseconds. */
const COST_MS = 100

/**
 * The one way into the database for whatever changes a chat. What arrives within one turn of the event loop is one
 * batch: one transaction, one fsync; then the rooms are told, then the askers.
 */
export class Log {
  readonly #repository: Repositories['log']
  readonly #tell: (chat_id: number, batch: Appended[]) => void
  readonly #logger: Pick<FastifyBaseLogger, 'error'>
  #queue: Entry[] = []
  #flushing: Promise<void> | undefined
  /** What the last batch cost, and each of its changes, and when it was done. In milliseconds. */
  #cost = 0
  #share = 0
  #doneAt = 0

  constructor(
    repository: Repositories['log'],
    tell: (chat_id: number, batch: Appended[]) => void,
    logger: Pick<FastifyBaseLogger, 'error'>
  ) {
    this.#repository = repository
    this.#tell = tell
    this.#logger = logger
  }

  /** Takes a change, or calls its `done` with OVERLOADED at once when too many wait. */
  submit(entry: Entry): void {
    if (this.#queue.length >= WAITING) return entry.done({ error: 'OVERLOADED' })
    this.#queue.push(entry)
    this.#flushing ??= this.#flush()
  }

  /** Makes one change. Resolves when it is on disk and was broadcast; throws ChatError when it is refused. */
  append(change: Change): Promise<{ message: Message | undefined; fresh: boolean }> {
    return new Promise((resolve, reject) => {
      const done = (outcome: Outcome) =>
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
      await this.#gather()
      const began = performance.now()
      const batch = this.#queue.slice(0, BATCH)
      // A new array: an old one would keep what is in it from the collector's young generation.
      this.#queue = this.#queue.slice(BATCH)
      const outcomes = await this.#repository.append(batch.map(entry => entry.change))
      this.#publish(batch, outcomes)
      this.#doneAt = performance.now()
      this.#cost = Math.min(this.#doneAt - began, COST_MS)
      this.#share = this.#cost / batch.length
      // Sockets are read, and their sends gathered, between two batches.
      await turn()
    }
    this.#flushing = undefined
  }

  async #gather(): Promise<void> {
    const began = performance.now()
    if (this.#share < DEAR_MS || began - this.#doneAt > this.#cost) return
    const until = began + this.#cost * PATIENCE
    let last = began
    let now = began
    while (this.#queue.length < BATCH && now < until && now - last < this.#cost * GAP) {
      const { length } = this.#queue
      await turn()
      now = performance.now()
      if (this.#queue.length > length) last = now
    }
  }

  #publish(batch: Entry[], outcomes: Outcome[]): void {
    const chats = new Map<number, Appended[]>()
    for (let i = 0; i < batch.length; i++) {
      const { change, origin } = batch[i] as Entry
      const outcome = outcomes[i] as Outcome
      if ('error' in outcome || !outcome.message || !(outcome.fresh || origin)) continue
      const { message, fresh } = outcome
      const client_id = change.type === 'send' ? change.client_id : undefined
      const appended = { message, fresh, origin, client_id }
      const others = chats.get(change.chat_id)
      if (others) others.push(appended)
      else chats.set(change.chat_id, [appended])
    }
    for (const [chat_id, appended] of chats) this.#guard(this.#tell, chat_id, appended)
    for (let i = 0; i < batch.length; i++) this.#guard(answer, batch[i] as Entry, outcomes[i] as Outcome)
  }

  /** What goes wrong with one chat or one asker must not stop the log for everybody. */
  #guard<A, B>(tell: (a: A, b: B) => void, a: A, b: B): void {
    try {
      tell(a, b)
    } catch (error) {
      this.#logger.error({ err: error }, 'a change is stored but could not be told')
    }
  }
}

function answer(entry: Entry, outcome: Outcome): void {
  entry.done(outcome)
}

function toError(code: ErrorCode, cause: unknown): ChatError {
  const retry = code === 'OVERLOADED' || code === 'STORAGE_FAILED' ? { retryAfter: 1 } : {}
  return new ChatError(code, { ...retry, cause })
}
