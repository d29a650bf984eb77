import t from 'tap'
import type { WebSocket } from 'ws'
import { audit, connect, heads, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

const CHATS = 40
/** Number of readers of each chat that stop reading. The last one resumes reading at the end. */
const STOPPED = 50
/** 16 MB a chat: several times the size of the system's buffers of a socket. */
const MESSAGES = 4000
const LENGTH = 4000
/** Number of messages that are sent to a chat before the next chat. */
const AT_ONCE = 25
/** Maximum memory of the server for all readers, in MB. It needs 100 to 400; without a bound for unsent data, 800. */
const MEMORY = 500

t.test('two thousand readers who stop reading take little memory, and lose nothing', async t => {
  const server = await start(t, t.testdir({}))
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  const sender = new Sender('ann')
  await sender.connect(ann)
  const readers: Reader[] = []
  const stopped: WebSocket[] = []
  for (let i = 0; i < CHATS; i++) {
    const { body: chat } = await ann.post('/chats', { title: `Chat ${i}`, member_ids: [bob.user.id] })
    const reader = new Reader(chat.id)
    readers.push(reader)
    for (let j = 1; j < STOPPED; j++) stopped.push(await connect(bob, `?chat_id=${chat.id}`, () => {}))
    stopped.push(await reader.connect(bob))
  }
  for (const ws of stopped) ws.pause()
  const before = server.rss()
  let most = before
  for (let i = 0; i < MESSAGES; i += AT_ONCE) {
    for (const { lists } of readers)
      for (const id of lists.keys()) for (let j = 0; j < AT_ONCE; j++) sender.send(id, LENGTH)
    await sender.settled(60_000)
    most = Math.max(most, server.rss())
  }
  t.comment(`RSS ${before.toFixed(0)} MB before, at most ${most.toFixed(0)} MB`)
  t.ok(most < before + MEMORY)
  for (const ws of stopped) ws.terminate()
  for (const reader of readers) await reader.connect(bob)
  for (const reader of readers) await reader.caughtUp(heads(server.file), 60_000)
  audit(t, server.file, [sender], readers)
})
