import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { WebSocket } from 'ws'
import { audit, connect, heads, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

const DESCRIPTORS = 256
const CLIENTS = 400
const PATIENCE_MS = 3000

t.test('without file descriptors the server goes on with the sockets that it has', async t => {
  const server = await start(t, t.testdir({}), {
    wrap: command => ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh', ...command]
  })
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const sender = new Sender('s')
  const reader = new Reader(id)
  await sender.connect(ann, `?chat_id=${id}`)
  await reader.connect(bob)
  const base = server.fds()

  const open: WebSocket[] = []
  const attempts = Array.from({ length: CLIENTS }, () =>
    connect(bob, `?chat_id=${id}`, () => undefined).then(
      ws => open.push(ws),
      () => undefined
    )
  )
  await Promise.race([Promise.all(attempts), sleep(PATIENCE_MS)])
  t.comment(`${open.length} of ${CLIENTS} clients connected, ${server.fds()} descriptors of ${DESCRIPTORS} in use`)
  t.ok(open.length > 100 && open.length < DESCRIPTORS)

  const cpu = await server.cpu(2000)
  t.comment(`${Math.round(cpu * 100)} % of a CPU`)
  t.ok(cpu < 0.5, 'it does not spin')
  for (let i = 0; i < 100; i++) sender.send(id)
  await sender.settled()
  await reader.caughtUp(heads(server.file))

  for (const ws of open) ws.terminate()
  const began = performance.now()
  let back: WebSocket | undefined
  while (!back && performance.now() - began < 5000) {
    back = await connect(bob, `?chat_id=${id}`, () => undefined).catch(() => sleep(50, undefined))
  }
  t.comment(`accepts again after ${Math.round(performance.now() - began)} ms`)
  t.ok(back)
  back?.terminate()
  t.ok((await server.fdsDownTo(base)) <= base, 'every file descriptor is back')
  audit(t, server.file, [sender], [reader])
})
