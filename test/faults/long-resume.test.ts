import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { audit, heads, median, p99, Reader, Sender, until } from './ledger.ts'
import { start } from './process.ts'

const MISSED = 10_000
const AT_ONCE = 500
const EVERY_MS = 5
const RESUMES = 10

t.test('a resume over 10,000 messages does not hold up the others in the room', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob, cas] = people
  const sender = new Sender('s')
  await sender.connect(ann, `?chat_id=${id}`)
  for (let sent = 0; sent < MISSED; sent += AT_ONCE) {
    for (let i = 0; i < AT_ONCE; i++) sender.send(id, 200)
    await sender.settled()
  }

  const other = new Reader(id)
  await other.connect(bob)
  await other.caughtUp(heads(server.file))
  const timer = setInterval(() => sender.send(id), EVERY_MS)
  t.teardown(() => clearInterval(timer))
  const before: number[] = []
  for (let i = 0; i < RESUMES; i++) {
    other.latencies.length = 0
    await sleep(300)
    before.push(p99(other.latencies))
  }
  const rssBefore = server.rss()

  const meanwhile: number[] = []
  const took: number[] = []
  let rss = 0
  const readers = Array.from({ length: RESUMES }, () => new Reader(id))
  for (const reader of readers) {
    reader.held = []
    other.latencies.length = 0
    const began = performance.now()
    await reader.connect(cas)
    await until(() => reader.held?.some((data, i) => i >= MISSED && data.includes('"type":"live"')) ?? false, 20_000)
    took.push(performance.now() - began)
    meanwhile.push(p99(other.latencies))
    rss = Math.max(rss, server.rss())
  }
  clearInterval(timer)
  const list = (values: number[]) => values.map(Math.round).join(' ')
  t.comment(`resumes over ${MISSED} messages take ${list(took)} ms`)
  t.comment(`p99 before ${list(before)} ms, meanwhile ${list(meanwhile)} ms`)
  t.comment(`RSS ${rssBefore.toFixed(1)} MB before, ${rss.toFixed(1)} MB meanwhile`)
  t.ok(median(meanwhile) < median(before) * 5 + 20)
  t.ok(rss < rssBefore + 30)

  await sender.settled()
  for (const reader of readers) reader.release()
  for (const reader of [other, ...readers]) await reader.caughtUp(heads(server.file))
  audit(t, server.file, [sender], [other, ...readers])
})
