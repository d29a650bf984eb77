import { randomInt } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { build, type Client, type Json, type Server } from '../helper.ts'
import { intercept } from '../repository.ts'
import type { TestSocket } from '../socket.ts'

// People connect, disconnect, lag, send, repeat, edit, resume and are removed in random order. The size of the room is
// below and above one slice. Everybody must get every message once and in order, and acks in the right place.

const SEEDS = [1, 2, 3, randomInt(2 ** 31)]
const PEOPLE = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal'] as const
const SOCKETS = 150
const STEPS = 200

/** Draws whole numbers below `n`; the same ones for the same seed. */
function lots(seed: number): (n: number) => number {
  const draws = fc.infiniteStream(fc.noBias(fc.nat(2 ** 31 - 1)))
  const stream = fc.sample(draws, { seed, numRuns: 1 })[0] as fc.Stream<number>
  return n => stream.next().value % n
}

/** One socket, with the messages that it sent and received. */
class Peer {
  readonly name: string
  readonly client: Client
  readonly socket: TestSocket
  readonly v1: boolean
  readonly sent: string[] = []
  readonly acks: string[] = []
  readonly wrong: string[] = []
  /** The socket must get everything after this number. */
  from: number
  /** The latest `seq` of each message that the socket received or that was acked. */
  readonly seen = new Map<number, number>()
  #at: number
  #inside = true
  #resumed = 0

  constructor(name: string, client: Client, socket: TestSocket, after: number) {
    this.name = name
    this.client = client
    this.socket = socket
    this.v1 = socket.ws.protocol !== ''
    this.from = after
    this.#at = after
  }

  get open(): boolean {
    return this.socket.ws.readyState === this.socket.ws.OPEN
  }

  send(chat_id: number, length: number): void {
    const client_id = `${this.name}-${this.sent.length}`
    this.sent.push(client_id)
    this.socket.send({ chat_id, client_id, message: `${this.name} `.padEnd(length, 'x') })
  }

  async resume(chat_id: number, after: number): Promise<void> {
    await this.read()
    this.from = after
    this.#resumed++
    this.socket.send({ type: 'resume', chats: [{ chat_id, after }] })
  }

  /** Checks the frames that have arrived since the last call. */
  async read(): Promise<void> {
    for (const frame of await this.socket.all(0)) this.#take(frame)
  }

  /** Returns the messages that this socket lacks in their final state. */
  lacks(messages: Json[]): string[] {
    const due = messages.filter(({ id, seq, message = '' }) =>
      this.v1
        ? seq > this.from && this.seen.get(id) !== seq
        : id > this.from && !this.seen.has(id) && !this.#own(message)
    )
    return due.map(({ id, seq }) => `${this.name} lacks ${id} in its state ${seq}`)
  }

  #own(message: string): boolean {
    return message.startsWith(`${this.name} `)
  }

  #take(frame: Json): void {
    if (frame.type === 'chat' && frame.change === 'removed') this.#inside = false
    if (frame.type === 'chat' && frame.change === 'added') {
      this.#inside = true
      this.#at = this.from = frame.chat.seq
    }
    if (frame.type === 'ack') this.acks.push(frame.client_id)
    if (frame.type !== 'message' && (frame.type !== 'ack' || frame.duplicate)) return
    const at = this.v1 ? frame.seq : frame.id
    if (!this.#inside) this.wrong.push(`${this.name} is given ${at} of a chat that it has left`)
    if (at <= this.#at && this.#resumed-- <= 0) this.wrong.push(`${this.name} is given ${at} after ${this.#at}`)
    if (!this.v1 && this.#own(frame.message ?? '')) this.wrong.push(`${this.name} is given its own ${at}`)
    this.#at = at
    this.seen.set(frame.id, frame.seq)
  }
}

class Crowd {
  readonly peers: Peer[] = []
  readonly removed = new Set<Client>()
  readonly members: Client[]
  readonly #server: Server
  readonly #lot: (n: number) => number
  readonly #chat: { id: number; path: string; people: Client[] }
  readonly #posted: { client: Client; id: number }[] = []

  constructor(server: Server, chat: { id: number; path: string; people: Client[] }, lot: (n: number) => number) {
    this.#server = server
    this.#chat = chat
    this.#lot = lot
    this.members = [...chat.people]
  }

  get open(): Peer[] {
    return this.peers.filter(({ open }) => open)
  }

  async step(): Promise<void> {
    while (this.open.length < SOCKETS) await this.#enter()
    const peer = this.#one(this.open) as Peer
    const what = this.#lot(100)
    if (what < 45) for (let n = 1 + this.#lot(8); n > 0; n--) this.#send(this.#one(this.open) as Peer)
    else if (what < 55) await this.#post()
    else if (what < 58) await this.#write()
    else if (what < 65) await this.#edit()
    else if (what < 70) peer.socket.terminate()
    else if (what < 80) peer.socket.pause()
    else if (what < 82) for (const { socket } of this.open) if (this.#lot(3) === 0) socket.resume()
    if (what >= 82 && what < 84) for (let n = this.#lot(50); n > 0; n--) this.#one(this.open)?.socket.terminate()
    if (what >= 84 && what < 96) await this.#move()
    if (what >= 96 && peer.v1 && this.members.includes(peer.client)) {
      await peer.resume(this.#chat.id, this.#lot(await this.#server.app.db.messages.head(this.#chat.id)))
    }
    if (this.#lot(2) === 0) await nextTurn()
  }

  async #enter(): Promise<void> {
    const client = this.#one(this.members) as Client
    const name = `${client.user.username}${this.peers.length}`
    const kind = this.#lot(10)
    const head = await this.#server.app.db.messages.head(this.#chat.id)
    // In memory, frames that the client does not read wait in the server.
    const options = this.#lot(2) === 0 ? this.#server.memory() : {}
    const after = kind < 6 ? this.#lot(head + 1) : head
    const query = kind < 6 ? `?chat_id=${this.#chat.id}&after=${after}` : ''
    const socket = await (kind < 3 ? client.socket(query, options) : client.v1(query, options))
    const from = kind < 6 ? after : (await socket.next('ready')).chats[0].seq
    this.peers.push(new Peer(name, client, socket, from))
  }

  #send(peer: Peer): void {
    if (!this.members.includes(peer.client)) return
    peer.send(this.#chat.id, this.#lot(4) > 0 ? this.#lot(4000) : 0)
  }

  async #post(): Promise<void> {
    const client = this.#one(this.members) as Client
    const { body } = await client.post(`${this.#chat.path}/messages`, { message: 'over HTTP' })
    this.#posted.push({ client, id: body.id })
  }

  /** Appends to the log without the rooms, as another process would. */
  async #write(): Promise<void> {
    const { user } = this.#chat.people[0] as Client
    const sender = { ...user, display_name: user.username }
    await this.#server.app.db.log.append([
      { type: 'send', chat_id: this.#chat.id, user: sender, text: 'from elsewhere' }
    ])
  }

  async #edit(): Promise<void> {
    const posted = this.#one(this.#posted)
    if (!posted) return
    await posted.client.patch(`${this.#chat.path}/messages/${posted.id}`, { message: `over HTTP ${this.#lot(1000)}` })
  }

  /** Removes a member who is not the owner, or adds the member again. */
  async #move(): Promise<void> {
    const [owner, ...others] = this.#chat.people as [Client, ...Client[]]
    const client = this.#one(others) as Client
    const member = `${this.#chat.path}/members/${client.user.id}`
    if (this.members.includes(client)) {
      this.removed.add(client)
      this.members.splice(this.members.indexOf(client), 1)
      const removal = owner.delete(member)
      // Messages that this member sends at the same time may be in the same batch.
      for (const peer of this.open.filter(peer => peer.client === client)) peer.send(this.#chat.id, 0)
      await removal
      if (this.#lot(2) === 0) return
    }
    await owner.put(member, {})
    this.members.push(client)
  }

  #one<T>(list: T[]): T | undefined {
    return list[this.#lot(list.length)]
  }
}

/** Delays some reads of the log by one or two turns of the event loop. */
function hesitate(messages: Json, lot: (n: number) => number): void {
  for (const name of ['head', 'changes', 'created']) {
    intercept(messages, name, async call => {
      const rows = await call()
      for (let turns = lot(3); turns > 0; turns--) await nextTurn()
      return rows
    })
  }
}

async function run(t: Test, seed: number): Promise<void> {
  const server = await build(t)
  const chat = await server.chat(...PEOPLE)
  const lot = lots(seed)
  hesitate(server.app.db.messages, lot)
  const crowd = new Crowd(server, chat, lot)
  for (let step = 0; step < STEPS; step++) await crowd.step()
  for (const { socket } of crowd.open) socket.resume()
  const { body: end } = await chat.people[0].post(`${chat.path}/messages`, { message: 'the end' })
  const staying = crowd.open.filter(({ client }) => crowd.members.includes(client))
  const deadline = Date.now() + 60_000
  do await Promise.all(crowd.peers.map(peer => peer.read()))
  while (!staying.every(({ seen }) => seen.has(end.id)) && Date.now() < deadline)
  const messages = await server.app.db.messages.changes(chat.id, 0, end.seq, end.seq)
  t.ok(staying.length > 20, `${staying.length} of ${crowd.peers.length} sockets are there at the end`)
  t.strictSame(crowd.peers.flatMap(({ wrong }) => wrong).slice(0, 5), [])
  t.strictSame(staying.flatMap(peer => peer.lacks(messages)).slice(0, 5), [])
  for (const { v1, client, sent, acks } of staying) {
    if (v1 && !crowd.removed.has(client)) t.strictSame(acks, sent)
  }
}

for (const seed of SEEDS) t.test(`drawn by ${seed}`, t => run(t, seed))
