import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../../src/schemas/frame.ts'
import type { Client, Json } from '../helper.ts'

/** Opens a `confab.v1` socket. The test closes it. `take` gets every frame, from the first one on. */
export async function connect(client: Client, query: string, take: (data: Buffer) => void): Promise<WebSocket> {
  const url = `${client.server.url.replace(/^http/, 'ws')}/ws${query}`
  const ws = new WebSocket(url, SUBPROTOCOL, { headers: { cookie: client.cookie }, perMessageDeflate: false })
  ws.on('message', take)
  ws.on('error', () => undefined)
  client.server.t.teardown(() => ws.terminate())
  await Promise.race([
    once(ws, 'open'),
    once(ws, 'close').then(() => Promise.reject(new Error('closed before it was open')))
  ])
  return ws
}

/** Waits at most `ms` until `condition` is true. Returns whether it is. */
export async function until(condition: () => boolean, ms: number): Promise<boolean> {
  for (const end = Date.now() + ms; !condition() && Date.now() < end; ) await sleep(5)
  return condition()
}

export interface Ack {
  chat_id: number
  client_id: string
  id: number
  seq: number
  duplicate: boolean
}

interface Sent {
  chat_id: number
  client_id: string
  message: string
}

/** The ledger of one sender: its messages and their acks. After a reconnect, it sends unacked messages again. */
export class Sender {
  readonly name: string
  readonly acked = new Map<string, Ack>()
  readonly waiting = new Map<string, Sent>()
  readonly errors: Json[] = []
  readonly wrong: string[] = []
  readonly all = new Map<string, Sent>()
  bye: Json
  ws: WebSocket | undefined

  constructor(name: string) {
    this.name = name
  }

  /** Opens a new socket, for all chats unless the query has one, and sends all unacked messages again. */
  async connect(client: Client, query = ''): Promise<WebSocket> {
    this.ws = await connect(client, query, data => this.#take(JSON.parse(data.toString())))
    this.retry()
    return this.ws
  }

  /** Sends a message. Its text begins with its `client_id` and the time, and has at least `length` characters. */
  send(chat_id: number, length = 0): void {
    const client_id = `${this.name}-${this.all.size}`
    const sent = { chat_id, client_id, message: `${client_id} ${performance.now()} `.padEnd(length, 'x') }
    this.all.set(client_id, sent)
    this.waiting.set(client_id, sent)
    this.ws?.send(JSON.stringify(sent))
  }

  /** Sends all unacked messages again. */
  retry(): void {
    for (const sent of this.waiting.values()) this.ws?.send(JSON.stringify(sent))
  }

  /** Waits until everything is acked. */
  async settled(ms = 20_000): Promise<void> {
    if (!(await until(() => this.waiting.size === 0, ms))) throw new Error(`${this.name}: ${this.waiting.size} unacked`)
  }

  #take(frame: Json): void {
    if (frame.type === 'error') this.errors.push(frame)
    if (frame.type === 'bye') this.bye = frame
    if (frame.type !== 'ack') return
    const { chat_id, client_id } = frame
    const first = this.waiting.values().find(sent => sent.chat_id === chat_id)
    if (first?.client_id !== client_id) this.wrong.push(`${this.name}: ack of ${client_id}, not ${first?.client_id}`)
    this.waiting.delete(client_id)
    this.acked.set(client_id, frame)
  }
}

export interface Received {
  id: number
  seq: number
  text: string
}

/**
 * The ledger of one reader: the messages of each chat. `wrong` has the first one that came twice or out of order.
 * It resumes after a reconnect: with the cursor in the URL for one chat, with a `resume` frame for several.
 */
export class Reader {
  readonly lists: Map<number, Received[]>
  readonly wrong: string[] = []
  /** The latency of each message in milliseconds. */
  readonly latencies: number[] = []
  /** When it is a list, it stores frames until `release`: parsing them would take time while others are measured. */
  held: Buffer[] | undefined
  bye: Json
  ws: WebSocket | undefined
  readonly #replaying = new Set<number>()

  constructor(...chats: number[]) {
    this.lists = new Map(chats.map(chat_id => [chat_id, []]))
  }

  cursor(chat_id: number): number {
    return this.lists.get(chat_id)?.at(-1)?.seq ?? 0
  }

  async connect(client: Client): Promise<WebSocket> {
    const take = (data: Buffer) => (this.held ? void this.held.push(data) : this.#take(JSON.parse(data.toString())))
    const [chat_id = 0, ...more] = this.lists.keys()
    // Frames in flight on the old socket would come twice.
    this.ws?.removeAllListeners('message')
    this.ws?.terminate()
    if (more.length === 0) {
      this.ws = await connect(client, `?chat_id=${chat_id}&after=${this.cursor(chat_id)}`, take)
    } else {
      const chats = [...this.lists.keys()].map(chat_id => ({ chat_id, after: this.cursor(chat_id) }))
      for (const { chat_id } of chats) this.#replaying.add(chat_id)
      this.ws = await connect(client, '', take)
      this.ws.send(JSON.stringify({ type: 'resume', chats }))
    }
    return this.ws
  }

  /** Waits until it has read every chat up to its head. */
  async caughtUp(heads: Map<number, number>, ms = 20_000): Promise<void> {
    const behind = () => [...this.lists.keys()].filter(chat_id => this.cursor(chat_id) < (heads.get(chat_id) ?? 0))
    if (!(await until(() => behind().length === 0, ms))) throw new Error(`a reader did not catch up in ${behind()}`)
  }

  /** Parses the stored frames, and from now on those that arrive. */
  release(): void {
    for (const data of this.held ?? []) this.#take(JSON.parse(data.toString()))
    this.held = undefined
  }

  #take(frame: Json): void {
    if (frame.type === 'bye') this.bye = frame
    if (frame.type === 'live') this.#replaying.delete(frame.chat_id)
    if (frame.type !== 'message') return
    const { chat_id, id, seq, message } = frame
    const expected = this.cursor(chat_id) + 1
    if (seq !== expected) {
      // Live frames that arrive before the server has read the `resume` come again.
      if (!this.#replaying.has(chat_id)) this.wrong.push(`${seq} of chat ${chat_id} instead of ${expected}`)
      return
    }
    this.lists.get(chat_id)?.push({ id, seq, text: message })
    this.latencies.push(performance.now() - Number(message.split(' ')[1]))
  }
}

interface Row extends Received {
  chat_id: number
  client_id: string | null
}

/** Reads the head of every chat from the database file. */
export function heads(file: string): Map<number, number> {
  const db = new Sqlite(file, { readonly: true })
  const rows = db.prepare<[], { id: number; seq: number }>('select id, seq from chats').all()
  db.close()
  return new Map(rows.map(({ id, seq }) => [id, seq]))
}

/**
 * The oracle: the database has every acked message once, under the number of its ack. It has no message that nobody
 * sent, and no number is missing. Every reader has received exactly the messages of the database, in order.
 */
export function audit(t: Test, file: string, senders: Sender[], readers: Reader[]): void {
  const db = new Sqlite(file)
  const rows = db.prepare<[], Row>('select chat_id, id, seq, client_id, text from messages order by seq').all()
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
  const none: string[] = []
  const byClientId = Map.groupBy(rows, row => String(row.client_id))
  const sent = new Map(senders.flatMap(({ all }) => [...all]))
  const acked = senders.flatMap(({ acked }) => [...acked.values()])
  const same = ({ chat_id, client_id, id, seq }: Ack) => {
    const [row] = byClientId.get(client_id) ?? []
    return row?.chat_id === chat_id && row.id === id && row.seq === seq && row.text === sent.get(client_id)?.message
  }
  t.strictSame(
    acked.filter(ack => !same(ack)).map(({ client_id }) => client_id),
    none,
    'no acked message is lost'
  )
  const twice = [...byClientId].filter(([, found]) => found.length > 1).map(([client_id]) => client_id)
  t.strictSame(twice, none, 'no message is there twice')
  t.strictSame(
    [...byClientId.keys()].filter(client_id => !sent.has(client_id)),
    none,
    'nobody else sent anything'
  )
  const byChat = Map.groupBy(rows, row => row.chat_id)
  for (const [chat_id, seq] of heads(file)) {
    const seqs = byChat.get(chat_id)?.map(row => row.seq) ?? []
    t.ok(seqs.length === seq && seqs.every((seq, i) => seq === i + 1), `chat ${chat_id} has every number to ${seq}`)
  }
  t.strictSame(
    [...senders, ...readers].flatMap(({ wrong }) => wrong),
    none,
    'everything came in order'
  )
  const lists = readers.flatMap(({ lists }) => [...lists])
  const differs = ([chat_id, list]: [number, Received[]]) =>
    JSON.stringify(list) !== JSON.stringify(byChat.get(chat_id)?.map(({ id, seq, text }) => ({ id, seq, text })) ?? [])
  t.strictSame(
    lists.filter(differs).map(([chat_id]) => chat_id),
    [],
    'every reader has what the database has'
  )
}

/** Returns the 99th percentile. */
export function p99(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0
}

/** Returns the median, which outliers of a busy machine do not change. */
export function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
