import { statSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { audit, heads, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

const MB = 1024 * 1024
/** Batches of 100 that are written while the snapshot is held, and at most after it to make the WAL small again. */
const HELD = 250
const RELEASED = 100

t.test('a backup that holds an old state for long makes the WAL grow, which shrinks again once it is over', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const sender = new Sender('ann')
  await sender.connect(ann, `?chat_id=${id}`)
  const reader = new Reader(id)
  await reader.connect(bob)
  const size = () => statSync(`${server.file}-wal`).size / MB
  async function write(): Promise<void> {
    for (let i = 0; i < 100; i++) sender.send(id, 4000)
    await sender.settled()
  }

  const backup = new Sqlite(server.file, { readonly: true })
  t.teardown(() => backup.close())
  backup.exec('begin')
  const count = backup.prepare('select count(*) from messages').pluck()
  const then = count.get()
  for (let i = 0; i < HELD; i++) await write()
  t.comment(`WAL ${size().toFixed(0)} MB`)
  t.ok(size() > 100)
  t.equal(count.get(), then, 'the old state is still there')

  backup.exec('commit')
  let batches = 0
  while (size() > 64 && batches++ < RELEASED) await write()
  t.comment(`WAL ${size().toFixed(0)} MB after ${batches} more batches`)
  t.ok(size() <= 64)
  await reader.caughtUp(heads(server.file))
  audit(t, server.file, [sender], [reader])
})
