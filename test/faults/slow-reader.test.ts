import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { audit, connect, heads, median, p99, Reader, Sender, until } from './ledger.ts'
import { start } from './process.ts'

const READERS = 500
const LENGTH = 1000
/** 5 senders every 50 ms: 100 messages a second. */
const SENDERS = 5
const EVERY_MS = 50
/** Duration of the load before the reader stops, and after that, in seconds. */
const BEFORE = 10
const PAUSE = 20
/** One of this number of listeners measures latencies. */
const MEASURE = 10

/** One of many readers. It counts messages, and can measure their latencies. */
class Listener {
  seq = 0
  inOrder = true
  readonly latencies: number[] = []
  readonly measures: boolean

  constructor(measures: boolean) {
    this.measures = measures
  }

  take(data: Buffer): void {
    const head = data.toString('latin1', 0, 300)
    if (!head.startsWith('{"type":"message"')) return
    const seq = Number(/"seq":(\d+)/.exec(head)?.[1])
    this.inOrder &&= seq === this.seq + 1
    this.seq = seq
    if (this.measures) this.latencies.push(performance.now() - Number(/"message":"\S+ (\S+)/.exec(head)?.[1]))
  }
}

t.test('a reader who stops reading costs little, and costs the others nothing', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob', 'cas')
  const [ann, bob, cas] = people
  const senders = Array.from({ length: SENDERS }, (_, i) => new Sender(`s${i}`))
  for (const sender of senders) await sender.connect(ann, `?chat_id=${id}`)
  const listeners = Array.from({ length: READERS - 1 }, (_, i) => new Listener(i % MEASURE === 0))
  for (const listener of listeners) await connect(bob, `?chat_id=${id}&after=0`, data => listener.take(data))
  const reader = new Reader(id)
  const slow = await reader.connect(cas)

  /** Sends for `seconds` seconds. Returns the p99 of the latency in each second, and the maximum memory. */
  async function load(seconds: number): Promise<{ latencies: number[]; rss: number }> {
    const timer = setInterval(() => senders.forEach(sender => void sender.send(id, LENGTH)), EVERY_MS)
    const latencies: number[] = []
    let rss = 0
    for (let i = 0; i < seconds; i++) {
      await sleep(1000)
      latencies.push(p99(listeners.flatMap(({ latencies }) => latencies.splice(0))))
      rss = Math.max(rss, server.rss())
    }
    clearInterval(timer)
    await Promise.all(senders.map(sender => sender.settled()))
    const head = heads(server.file).get(id)
    await until(() => listeners.every(({ seq }) => seq === head), 20_000)
    t.ok(
      listeners.every(({ seq, inOrder }) => seq === head && inOrder),
      `the others have ${head} messages, in order`
    )
    return { latencies, rss }
  }

  const before = await load(BEFORE)
  slow.pause()
  const paused = await load(PAUSE)
  const list = (values: number[]) => values.map(Math.round).join(' ')
  t.comment(`p99 before ${list(before.latencies)} ms, with a reader stopped ${list(paused.latencies)} ms`)
  t.comment(`RSS ${before.rss.toFixed(1)} MB before, ${paused.rss.toFixed(1)} MB with a reader stopped`)
  t.ok(median(paused.latencies) < median(before.latencies) * 5 + 50)
  t.ok(paused.rss < before.rss + 20)

  slow.resume()
  await reader.caughtUp(heads(server.file))
  audit(t, server.file, senders, [reader])
})
