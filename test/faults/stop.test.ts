import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { audit, heads, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

const SOCKETS = 200
const SENDERS = 4
/** 4 senders every 20 ms: 200 messages a second. */
const EVERY_MS = 20

t.test('SIGTERM under load stores and acks what was sent, and tells every socket to come back', async t => {
  const cwd = t.testdir({})
  const server = await start(t, cwd)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const senders = Array.from({ length: SENDERS }, (_, i) => new Sender(`s${i}`))
  const readers = Array.from({ length: SOCKETS - SENDERS }, () => new Reader(id))
  const codes: Promise<number>[] = []
  for (const [i, peer] of [...senders, ...readers].entries()) {
    const ws = await peer.connect(i % 2 === 0 ? ann : bob, `?chat_id=${id}`)
    codes.push(once(ws, 'close').then(([code]) => code))
  }
  const timer = setInterval(() => senders.forEach(sender => void sender.send(id)), EVERY_MS)
  t.teardown(() => clearInterval(timer))
  await sleep(1000)

  const began = performance.now()
  server.kill('SIGTERM')
  let readiness: number | undefined
  while (readiness === undefined || readiness === 200) {
    await sleep(2)
    // A refused connection means the same as a 503.
    readiness = await server
      .stranger()
      .get('/health/ready')
      .then(
        ({ status }) => status,
        () => 503
      )
  }
  t.equal(readiness, 503)
  t.comment(`not ready after ${Math.round(performance.now() - began)} ms`)

  const { code, stderr } = await server.ended
  const took = performance.now() - began
  clearInterval(timer)
  t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  t.comment(`ended after ${Math.round(took)} ms`)
  t.ok(took < 15_000)
  // Requests that are refused now are logged as failed.
  const failures = server.lines.filter(({ level, err }) => level >= 50 && !/is shutting down/.test(err?.message ?? ''))
  t.strictSame(failures, [])
  const restart = (await Promise.all(codes)).filter(code => code === 1012).length
  t.comment(`${restart} of ${SOCKETS} sockets closed with 1012`)
  t.ok(restart >= SOCKETS * 0.99)
  const delays = [...senders, ...readers].map(({ bye }) => bye?.after_ms).filter(ms => typeof ms === 'number')
  t.comment(`after_ms from ${Math.min(...delays)} to ${Math.max(...delays)}`)
  t.equal(delays.length, SOCKETS, 'every socket was told when to come back')
  t.ok(new Set(delays).size > SOCKETS / 2 && Math.max(...delays) - Math.min(...delays) > 300, 'not all at once')
  const unacked = senders.reduce((sum, { waiting }) => sum + waiting.size, 0)
  t.comment(`${senders.reduce((sum, { acked }) => sum + acked.size, 0)} sends acked, ${unacked} to send again`)

  const next = await start(t, cwd)
  for (const sender of senders) await sender.connect(next.again(ann), `?chat_id=${id}`)
  for (const reader of readers) await reader.connect(next.again(bob))
  for (const sender of senders) await sender.settled()
  for (const reader of readers) await reader.caughtUp(heads(next.file))
  audit(t, next.file, senders, readers)
})

t.test('a second SIGTERM ends a stop that waits for a socket', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob')
  // This client never reads the close frame, so the closing handshake does not end.
  const ws = await new Reader(id).connect(people[0])
  ws.pause()
  server.kill('SIGTERM')
  await sleep(600)
  const began = performance.now()
  server.kill('SIGTERM')
  const { code } = await server.ended
  const took = performance.now() - began
  t.comment(`exit code ${code} after ${Math.round(took)} ms`)
  t.equal(code, 1)
  t.ok(took < 2000)
})
