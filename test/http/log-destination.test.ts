import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LogDestination } from '../../src/http/log-destination.ts'

t.test('lines wait for a reader within a bound, and what was lost is counted', async t => {
  const fifo = `${t.testdir({})}/fifo`
  execFileSync('mkfifo', [fifo])
  // A write to a full pipe fails with EAGAIN instead of waiting.
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  const destination = new LogDestination(fd)
  const LINES = 5000
  // The first is more than a pipe takes in one go.
  const textOf = (i: number) => 'x'.repeat(i === 0 ? 100_000 : 100)
  for (let i = 0; i < LINES; i++) destination.write(`${JSON.stringify({ i, text: textOf(i) })}\n`)

  const chunk = Buffer.alloc(65_536)
  let text = ''
  for (let quiet = 0; quiet < 100 && !text.includes('lost'); quiet++) {
    try {
      for (;;) text += chunk.toString('utf8', 0, readSync(fd, chunk))
    } catch {
      await sleep(100)
    }
  }
  const lines = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const last = lines.pop()
  t.match(last, { level: 40, time: Number, pid: process.pid })
  t.equal(last.msg, `${LINES - lines.length} log lines could not be written and were dropped`)
  t.ok(lines.length > 1024 && lines.length < LINES, `${lines.length} lines were kept`)
  t.strictSame(
    lines.map(({ i }) => i),
    lines.map((_, i) => i)
  )
})
