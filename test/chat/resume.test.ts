import fc from 'fast-check'
import t from 'tap'
import { build, type Client, type Json } from '../helper.ts'
import type { TestSocket } from '../socket.ts'

/** Reads frames up to `live` and returns the messages before it. */
async function replay(socket: TestSocket): Promise<{ messages: Json[]; live: Json }> {
  const messages: Json[] = []
  for (;;) {
    const frame = await socket.next()
    if (frame.type === 'message') messages.push(frame)
    if (frame.type === 'live') return { messages, live: frame }
  }
}

t.test('a cursor brings exactly the missed states in order, then live', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  for (const message of ['one', 'two', 'three', 'four']) await ann.post(`${path}/messages`, { message })
  await ann.patch(`${path}/messages/2`, { message: 'zwei' })
  await ann.delete(`${path}/messages/1`)

  const expected = [
    { id: 3, seq: 3, message: 'three' },
    { id: 4, seq: 4, message: 'four' },
    { id: 2, seq: 5, message: 'zwei' },
    { id: 1, seq: 6, deleted_at: /Z$/ }
  ]

  await t.test('in the URL', async t => {
    const socket = await bob.v1(`?chat_id=${id}&after=2`)
    const { messages, live } = await replay(socket)
    t.match(messages, expected)
    t.equal(messages.length, 4)
    t.strictSame(live, { type: 'live', chat_id: id, seq: 6 })
  })

  await t.test('in a frame, on a socket for all chats, as often as one likes', async t => {
    const socket = await bob.v1('')
    for (const _ of [1, 2]) {
      socket.send({ type: 'resume', chats: [{ chat_id: id, after: 2 }] })
      t.match((await replay(socket)).messages, expected)
    }
    socket.send({ type: 'resume', chats: [{ chat_id: id, after: 6 }] })
    t.strictSame(await replay(socket), { messages: [], live: { type: 'live', chat_id: id, seq: 6 } })
    socket.send({ type: 'resume', chats: [{ chat_id: id, after: 4711 }] })
    t.equal((await replay(socket)).live.seq, 6, 'a cursor from nowhere ends at the head')
  })

  await t.test('on a plain socket: the new messages as they now are, without what was deleted', async t => {
    const socket = await bob.socket(`?chat_id=${id}&after=0`)
    const frames = await socket.all(200)
    t.strictSame(
      frames.map(frame => [frame.id, frame.message]),
      [
        [2, 'zwei'],
        [3, 'three'],
        [4, 'four']
      ]
    )
  })
})

t.test('a resume over 10,000 messages completes, and others stay live meanwhile', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const send = { type: 'send' as const, chat_id: id, user: { id: ann.user.id, username: 'ann' }, text: 'x'.repeat(64) }
  for (let i = 0; i < 10; i++) await server.app.db.log.append(Array.from({ length: 1000 }, () => send))
  const a = await ann.v1(id)
  const b = await bob.v1(`?chat_id=${id}&after=0`)
  a.send({ message: 'meanwhile', client_id: 'm' })
  t.match(await a.next('ack'), { id: 10_001 })
  const { messages } = await replay(b)
  const seqs = messages.map(({ seq }) => seq)
  const after = (await b.all(100)).filter(({ type }) => type === 'message').map(({ seq }) => seq)
  t.strictSame(
    [...seqs, ...after],
    Array.from({ length: 10_001 }, (_, i) => i + 1)
  )
})

/** What a client that keeps to the protocol knows: messages by id, the cursor, and whether the order was ever wrong. */
class Reader {
  readonly client: Client
  readonly chat_id: number
  readonly known = new Map<number, Json>()
  cursor = 0
  wrong: string[] = []
  /** Whether this connection asked for something again, which may then come twice. */
  rewound = false
  socket: TestSocket | undefined

  constructor(client: Client, chat_id: number) {
    this.client = client
    this.chat_id = chat_id
  }

  async connect(): Promise<void> {
    this.disconnect()
    this.rewound = false
    this.socket = await this.client.v1InMemory(`?chat_id=${this.chat_id}&after=${this.cursor}`)
    this.socket.ws.on('message', data => this.#take(JSON.parse(data.toString())))
  }

  disconnect(): void {
    this.socket?.ws.removeAllListeners('message')
    this.socket?.terminate()
  }

  rewind(): void {
    this.rewound = true
    this.socket?.send({ type: 'resume', chats: [{ chat_id: this.chat_id, after: this.cursor }] })
  }

  async settled(head: number): Promise<void> {
    for (let i = 0; i < 500 && this.cursor < head; i++) await new Promise(resolve => setTimeout(resolve, 10))
  }

  #take(frame: Json): void {
    if (frame.type === 'live') this.cursor = Math.max(this.cursor, frame.seq)
    if (frame.type !== 'message' && frame.type !== 'ack') return
    if (frame.seq <= this.cursor && !this.rewound) this.wrong.push(`${frame.type} ${frame.seq} after ${this.cursor}`)
    this.cursor = Math.max(this.cursor, frame.seq)
    if (frame.type === 'message') this.known.set(frame.id, frame)
  }
}

t.test('no gap and no repeat at any seam between replay and live', async t => {
  const server = await build(t)
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        size: fc.constantFrom(10, 9000),
        times: fc.integer({ min: 1, max: 30 })
      })
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.constant({ do: 'reconnect' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'pause' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'read' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'rewind' as const }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 5 }) }) }
  )

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
      const chat = (await ann.post('/chats', { title: 'x', member_ids: [bob.user.id] })).body
      const path = `/chats/${chat.id}/messages`
      const writer = await ann.v1(chat.id)
      const reader = new Reader(bob, chat.id)
      await reader.connect()
      const ids: number[] = []
      const pending: Promise<unknown>[] = []
      for (const action of steps) {
        if (action.do === 'send') {
          for (let i = 0; i < action.times; i++) writer.send({ message: 'm'.repeat(action.size) })
          for (let i = 0; i < action.times; i++) ids.push((await writer.next('ack')).id)
        } else if (action.do === 'wait') await new Promise(resolve => setTimeout(resolve, action.ms))
        else if (action.do === 'reconnect') await reader.connect()
        else if (action.do === 'pause') reader.socket?.pause()
        else if (action.do === 'read') reader.socket?.resume()
        else if (action.do === 'rewind') reader.rewind()
        else if (ids.length > 0) {
          const message = `${path}/${ids[action.pick % ids.length]}`
          pending.push(
            action.do === 'edit' ? ann.patch(message, { message: `edit ${action.pick}` }) : ann.delete(message)
          )
        }
      }
      await Promise.all(pending)
      reader.socket?.resume()
      const { body } = await ann.get(`/chats/${chat.id}`)
      await reader.settled(body.seq)
      const stored: Json[] = []
      for (let after = 0; ; after = stored.at(-1).id) {
        const page = (await ann.get(`${path}?after=${after}&limit=200`)).body
        stored.push(...page.items)
        if (!page.has_more_after) break
      }
      writer.terminate()
      reader.disconnect()
      const known = [...reader.known.values()].sort((a, b) => a.id - b.id).map(({ type, ...message }) => message)
      if (JSON.stringify(known) !== JSON.stringify(stored))
        throw new Error(`known ${known.length}, stored ${stored.length}, cursor ${reader.cursor} of ${body.seq}`)
      if (reader.wrong.length > 0) throw new Error(reader.wrong.join('; '))
    }),
    { numRuns: 40, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false }
  )
  t.pass('for random interleavings')
})
