import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { audit, heads, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

/** More than the buffers of the system and the server for a socket together: 15 MB. */
const MESSAGES = 1600
const LENGTH = 9000
const STALLED_MS = 30_000
const READERS = 14
const APART_MS = 1000

// The system buffers up to 4 MiB for a reader, and a slow reader may need minutes for that. The time that the server
// waits for a reader that reads nothing is tested with a clock in test/chat/liveness.test.ts.
t.test('readers who take nothing for half a minute and longer stay, and get everything', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const sender = new Sender('s')
  await sender.connect(ann, `?chat_id=${id}`)
  const base = server.fds()
  const readers = Array.from({ length: READERS }, () => new Reader(id))
  const codes: (number | undefined)[] = readers.map(() => undefined)
  const sockets = await Promise.all(readers.map(reader => reader.connect(bob)))
  for (const [i, ws] of sockets.entries()) {
    ws.on('close', code => {
      codes[i] = code
    })
    ws.pause()
  }
  const began = Date.now()
  for (let sent = 0; sent < MESSAGES; sent += 100) {
    for (let i = 0; i < 100; i++) sender.send(id, LENGTH)
    await sender.settled()
  }

  await sleep(began + STALLED_MS - APART_MS - Date.now())
  for (const ws of sockets) {
    ws.resume()
    await sleep(APART_MS)
  }
  await sleep(APART_MS)
  t.ok(codes.every(code => code === undefined))
  for (const reader of readers) await reader.caughtUp(heads(server.file))
  audit(t, server.file, [sender], readers)
  for (const { ws } of readers) ws?.terminate()
  t.ok((await server.fdsDownTo(base)) <= base, 'every file descriptor is back')
})
