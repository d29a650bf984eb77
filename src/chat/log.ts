import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Change, Result, Success } from '../db/changes.ts'
import type { Repositories } from '../db/repositories.ts'
import { ChatError, type ErrorCode } from '../errors.ts'
import type { BackPressure, CommitListener, Committed } from './delivery/committed.ts'

/** A change that waits for its batch. */
export interface QueuedChange {
  change: Change
  /** The socket that sent the change; absent for HTTP. Opaque here: passed on in Committed. */
  origin?: object
  /** Called once, when the change is on disk or refused, and after its frames were written. */
  onResult(result: Result): void
}

/** With this many queued changes, new ones are refused with OVERLOADED. */
const MAX_QUEUED = 20_000
/** Max changes of a batch, and max characters of text: a larger batch would block the event loop. */
const MAX_BATCH = 2000
const BATCH_CHARACTERS = 256 * 1024
/** A `data` object counts as this many characters: to encode it as JSON takes about as long. */
const DATA_CHARACTERS = 1024
/** While a large room has pending deliveries, delay the next batch by up to this many times the last commit time. */
const MAX_DELAY_FACTOR = 4
/** Longer commit times count as this long, in milliseconds: the disk had a stall. */
const STALL_MS = 25

/**
 * Group commit: the only way to change a chat. The changes of one turn of the event loop are one batch, with one
 * transaction and one fsync. After the commit, the listener gets the changes, and then each caller its result.
 */
export class Log {
  readonly #repository: Repositories['log']
  readonly #rooms: BackPressure
  readonly #listener: CommitListener
  readonly #logger: Pick<FastifyBaseLogger, 'error'>
  #queue: QueuedChange[] = []
  #flushing: Promise<void> | undefined
  /** How long the last commit took, and when its results were delivered. In milliseconds. */
  #commitMs = 0
  #deliveredAt = 0

  constructor(
    repository: Repositories['log'],
    rooms: BackPressure,
    listener: CommitListener,
    logger: Pick<FastifyBaseLogger, 'error'>
  ) {
    this.#repository = repository
    this.#rooms = rooms
    this.#listener = listener
    this.#logger = logger
  }

  /** Queues a change. When the queue is full, calls `onResult` with OVERLOADED at once. */
  submit(queued: QueuedChange): void {
    if (this.#queue.length >= MAX_QUEUED) return queued.onResult({ error: 'OVERLOADED' })
    this.#queue.push(queued)
    this.#flushing ??= this.#flush()
  }

  /** Makes one change. Resolves when it is on disk and was broadcast; throws ChatError when it is refused. */
  append(change: Change): Promise<Success> {
    return new Promise((resolve, reject) => {
      const onResult = (result: Result) =>
        'error' in result ? reject(toError(result.error, result.cause)) : resolve(result)
      this.submit({ change, onResult })
    })
  }

  /** Resolves when everything submitted so far is on disk or refused. */
  async drained(): Promise<void> {
    await this.#flushing
  }

  async #flush(): Promise<void> {
    await nextTurn()
    while (this.#queue.length > 0) {
      await this.#yieldToRooms()
      const batch = this.#rooms.anyFull ? this.#dequeueUnlessFull() : this.#dequeue(this.#queue)
      if (batch.length === 0) {
        await nextTurn()
        continue
      }
      const began = performance.now()
      const results = await this.#repository.append(batch.map(queued => queued.change))
      this.#commitMs = Math.min(performance.now() - began, STALL_MS)
      this.#publish(batch, results)
      this.#deliveredAt = performance.now()
      // Between two batches, the event loop reads sockets, whose sends are the next batch.
      await nextTurn()
    }
    this.#flushing = undefined
  }

  /** Removes the next batch from the front of `queue`. The rest, followed by `later`, is the new queue. */
  #dequeue(queue: QueuedChange[], later: QueuedChange[] = []): QueuedChange[] {
    let characters = 0
    let end = 0
    while (end < queue.length && end < MAX_BATCH && characters < BATCH_CHARACTERS) {
      const { change } = queue[end++] as QueuedChange
      if ('text' in change) characters += change.text?.length ?? 0
      if ('data' in change && change.data) characters += DATA_CHARACTERS
    }
    // A new array each time: an array that lives long would promote its elements to the old generation.
    const rest = queue.slice(end)
    this.#queue = later.length > 0 ? rest.concat(later) : rest
    return queue.slice(0, end)
  }

  /** The same without the changes of chats whose backlog is full: these stay queued, in their order. */
  #dequeueUnlessFull(): QueuedChange[] {
    const [full, others] = [[], []] as [QueuedChange[], QueuedChange[]]
    for (const queued of this.#queue) (this.#rooms.isFull(queued.change.chat_id) ? full : others).push(queued)
    return this.#dequeue(others, full)
  }

  /** Back-pressure: delays the next batch while a large room has pending deliveries, for a bounded time. */
  async #yieldToRooms(): Promise<void> {
    const delay = this.#commitMs * MAX_DELAY_FACTOR
    while (this.#rooms.busy && performance.now() - this.#deliveredAt < delay) await nextTurn()
  }

  /** Gives the committed changes to the listener, chat by chat, and then the results to the callers. */
  #publish(batch: QueuedChange[], results: Result[]): void {
    const chats = new Map<number, Committed[]>()
    const causes: unknown[] = []
    for (let i = 0; i < batch.length; i++) {
      const { change, origin } = batch[i] as QueuedChange
      const result = results[i] as Result
      if ('error' in result) {
        if (result.cause) causes.push(result.cause)
        continue
      }
      if (!result.message || !(result.changed || origin)) continue
      const { message, changed } = result
      const client_id = change.type === 'send' ? change.client_id : undefined
      const committed = { message, changed, origin, client_id }
      const others = chats.get(change.chat_id)
      if (others) others.push(committed)
      else chats.set(change.chat_id, [committed])
    }
    // One log line per batch: a full disk fails every change.
    if (causes.length > 0) this.#logger.error({ err: causes[0], count: causes.length }, 'changes could not be stored')
    for (const [chat_id, committed] of chats) this.#guard(this.#deliver, chat_id, committed)
    for (let i = 0; i < batch.length; i++) this.#guard(giveResult, batch[i] as QueuedChange, results[i] as Result)
  }

  readonly #deliver = (chat_id: number, batch: Committed[]) => this.#listener.deliver(chat_id, batch)

  /**
   * Logs an error instead of throwing it: an error with one chat or one caller does not stop the log. `a` and `b` are
   * passed along, so that no closure is made for each change.
   */
  #guard<A, B>(job: (a: A, b: B) => void, a: A, b: B): void {
    try {
      job(a, b)
    } catch (error) {
      this.#logger.error({ err: error }, 'a change is stored but could not be delivered')
    }
  }
}

function giveResult(queued: QueuedChange, result: Result): void {
  queued.onResult(result)
}

function toError(code: ErrorCode, cause: unknown): ChatError {
  const retry = code === 'OVERLOADED' || code === 'STORAGE_FAILED' ? { retryAfter: 1 } : {}
  return new ChatError(code, { ...retry, cause })
}
