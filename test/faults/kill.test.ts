import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Client } from '../helper.ts'
import { audit, heads, median, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

const ROUNDS = 20
/** 8 senders, each every 40 ms: 200 messages a second. */
const SENDERS = 8
const EVERY_MS = 40

t.test('kill -9 under load loses nothing that was acked, and makes nothing twice', async t => {
  const cwd = t.testdir({})
  let server = await start(t, cwd)
  const first = await server.chat('ann', 'bob', 'cas')
  const [ann] = first.people
  const member_ids = first.people.slice(1).map(({ user }) => user.id)
  const chats = [first.id]
  for (const title of ['B', 'C']) chats.push((await ann.post('/chats', { title, member_ids })).body.id)
  const person = (i: number) => first.people[i % 3] as Client
  const chat = (i: number) => chats[i % 3] as number

  const senders = Array.from({ length: SENDERS }, (_, i) => new Sender(`s${i}`))
  const readers = [...chats.map(id => new Reader(id)), new Reader(...chats), new Reader(...chats)]
  const starts: number[] = []

  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) server = await start(t, cwd)
    starts.push(await server.ready())
    await Promise.all([...senders, ...readers].map((peer, i) => peer.connect(server.again(person(i)))))
    let turn = round
    const timers = senders.map(sender => setInterval(() => sender.send(chat(turn++)), EVERY_MS))
    await sleep(200 + Math.random() * 500)
    server.kill()
    await server.ended
    for (const timer of timers) clearInterval(timer)
  }

  server = await start(t, cwd)
  starts.push(await server.ready())
  await Promise.all([...senders, ...readers].map((peer, i) => peer.connect(server.again(person(i)))))
  await Promise.all(senders.map(sender => sender.settled()))
  await Promise.all(readers.map(reader => reader.caughtUp(heads(server.file))))
  const acks = senders.flatMap(({ acked }) => [...acked.values()])
  const again = acks.filter(({ duplicate }) => duplicate).length
  t.comment(`${acks.length} messages, ${again} of them stored before a kill that took their ack`)
  t.comment(
    `ready ${Math.round(median(starts))} ms after the start in the median, ${Math.round(Math.max(...starts))} ms at most`
  )
  t.ok(Math.max(...starts) < 5000)
  audit(t, server.file, senders, readers)
})
