import { copyFileSync, readFileSync, truncateSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { Sender, until } from './ledger.ts'
import { start } from './process.ts'

const MESSAGES = 50
const CUTS = 20
/** A page of the database and the header of its frame in the WAL. SQLite: The WAL File Format. */
const FRAME = 4096 + 24
/** Number of pages in the WAL at which SQLite makes a checkpoint. */
const CHECKPOINT = 1000

const CALLS = 'fdatasync,fsync,write,writev,sendto,pwrite64'
const COMPLETE = /^(\d+) +(\w+)\((\d+)<(.+?)>[,)](.*) = (-?\d+)/
const UNFINISHED = /^(\d+) +(.+) <unfinished \.\.\.>$/
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/

interface Call {
  name: string
  /** The file or the connection. */
  on: string
  rest: string
  returned: number
}

/** The calls in the order in which they returned. */
function* calls(trace: string): Generator<Call> {
  const begun = new Map<string, string>()
  for (const line of trace.split('\n')) {
    const [, beginner = '', head] = UNFINISHED.exec(line) ?? []
    if (head) begun.set(beginner, head)
    const [, pid = '', tail] = RESUMED.exec(line) ?? []
    const whole = tail === undefined ? line : `${pid} ${begun.get(pid)}${tail}`
    const [, , name = '', , on = '', rest = '', returned = ''] = COMPLETE.exec(whole) ?? []
    if (name) yield { name, on, rest, returned: Number(returned) }
  }
}

interface Commit {
  client_id: string
  /** How much of the WAL was on disk when its ack was written to the socket. */
  synced: number
}

/** Reads from the trace the size of the WAL, its synced part, and the time of each ack. */
function follow(t: Test, trace: string, file: string, client_ids: string[]): Commit[] {
  const commits: Commit[] = []
  const early: string[] = []
  const written = new Map<string, number>()
  let end = 0
  let synced = 0
  for (const { name, on, rest, returned } of calls(trace)) {
    if (on === `${file}-wal` && name === 'pwrite64') {
      end = Number(/, (\d+)\)$/.exec(rest)?.[1]) + returned
      for (const client_id of client_ids) {
        if (!written.has(client_id) && rest.includes(`${client_id} `)) written.set(client_id, end)
      }
    }
    if (on === `${file}-wal` && /^f(data)?sync$/.test(name) && returned === 0) synced = end
    if (on.startsWith('TCP:') && rest.includes('\\"ack\\"')) {
      const client_id = /\\"client_id\\":\\"([\w-]+)\\"/.exec(rest)?.[1] ?? ''
      const at = written.get(client_id)
      if (at === undefined || at > synced) early.push(`${client_id} written at ${at}, ${synced} on disk`)
      commits.push({ client_id, synced })
    }
  }
  t.strictSame(
    commits.map(({ client_id }) => client_id),
    client_ids,
    'every ack is in the trace'
  )
  t.strictSame(early, [], 'every ack left after the fsync of its message')
  t.ok(end < CHECKPOINT * FRAME, 'the WAL was not begun anew')
  return commits
}

t.test('an ack leaves when its message is on disk, and a power cut keeps what was acked', async t => {
  const cwd = t.testdir({})
  const trace = `${cwd}/trace`
  const server = await start(t, cwd, {
    wrap: command => ['strace', '-f', '-yy', '-s', '5000', '-e', `trace=${CALLS}`, '-o', trace, ...command]
  })
  const { id, people } = await server.chat('ann', 'bob')
  const sender = new Sender('fsync')
  await sender.connect(people[0], `?chat_id=${id}`)
  for (let i = 1; i <= MESSAGES; i++) {
    sender.send(id)
    await until(() => sender.acked.size === i, 5000)
  }
  server.kill()
  await server.ended

  const commits = follow(t, readFileSync(trace, 'latin1'), server.file, [...sender.all.keys()])

  for (let cut = 0; cut < CUTS; cut++) {
    const last = Math.floor(Math.random() * (MESSAGES - 1))
    const { synced = 0 } = commits[last] ?? {}
    // Cuts at a random place in the data of the next message: a page may be torn.
    const next = commits[last + 1]?.synced ?? 0
    const at = synced + Math.floor(Math.random() * (next - synced))
    const copy = `${cwd}/copy-${cut}.db`
    copyFileSync(server.file, copy)
    copyFileSync(`${server.file}-wal`, `${copy}-wal`)
    truncateSync(`${copy}-wal`, at)
    const db = new Sqlite(copy)
    const found = db.prepare<[], string>('select client_id from messages order by id').pluck().all()
    const acked = commits.slice(0, last + 1).map(({ client_id }) => client_id)
    t.strictSame([db.pragma('integrity_check', { simple: true }), found], ['ok', acked], `the WAL cut at ${at}`)
    db.close()
  }
})
