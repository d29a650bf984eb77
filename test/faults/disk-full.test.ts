import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { watchConnections } from '../connections.ts'
import { build, type Client } from '../helper.ts'
import { audit, heads, Reader, Sender, until } from './ledger.ts'
import { start } from './process.ts'

const LENGTH = 5000
const AT_MOST = 2000

interface Disk {
  file: string
  /** Lets the database grow again. */
  makeRoom(): void
  /** More checks while the disk is full. */
  elsewhere?(): Promise<void>
}

/** Sends until the disk is full, checks the server, makes room and goes on. */
async function fill(t: Test, { file, makeRoom, elsewhere }: Disk, [ann, bob]: Client[], id: number): Promise<void> {
  if (!ann || !bob) throw new Error('two people are needed')
  const path = `/chats/${id}`
  const sender = new Sender('s')
  const reader = new Reader(id)
  const socket = await sender.connect(ann, `?chat_id=${id}`)
  await reader.connect(bob)
  for (let i = 0; i < AT_MOST && sender.errors.length === 0; i++) {
    sender.send(id, LENGTH)
    await until(() => sender.waiting.size === 0 || sender.errors.length > 0, 5000)
  }
  t.comment(`full after ${sender.acked.size} messages`)
  t.match(sender.errors[0], { type: 'error', code: 'STORAGE_FAILED', client_id: [...sender.waiting.keys()][0] })
  t.type(sender.errors[0].retry_after_ms, 'number')
  // Longer than the previous message, so that it does not fit either.
  const refused = await ann.post(`${path}/messages`, { message: 'x'.repeat(2 * LENGTH), client_id: 'h' })
  t.match([refused.status, refused.body.code], [503, 'STORAGE_FAILED'])
  t.match(refused.headers.get('retry-after'), /^\d+$/)

  const page = await bob.get(`${path}/messages?limit=1`)
  t.match([page.status, page.body.items[0].id], [200, sender.acked.size], 'what is stored can be read')
  const late = new Reader(id)
  await late.connect(bob)
  await late.caughtUp(new Map([[id, sender.acked.size]]))
  const pong = new Promise(resolve => socket.on('message', data => data.toString().includes('"pong"') && resolve(true)))
  socket.send('{"type":"ping"}')
  t.ok(await pong, 'live sockets stay')
  await elsewhere?.()

  makeRoom()
  const began = performance.now()
  while (sender.waiting.size > 0 && performance.now() - began < 5000) {
    sender.retry()
    await until(() => sender.waiting.size === 0, 200)
  }
  t.comment(`stores again after ${Math.round(performance.now() - began)} ms`)
  for (let i = 0; i < 20; i++) sender.send(id, LENGTH)
  await sender.settled()
  for (const each of [reader, late]) await each.caughtUp(heads(file))
  audit(t, file, [sender], [reader, late])
}

t.test('a database that may not grow stores nothing, loses nothing and recovers', async t => {
  const connectionTo = watchConnections(t)
  const file = `${t.testdir({})}/confab.db`
  const server = await build(t, { DATABASE_URL: `sqlite:///${file}` })
  const db = connectionTo(file)
  const { id, people } = await server.chat('ann', 'bob')
  const pages = db.pragma('page_count', { simple: true }) as number
  db.pragma(`max_page_count = ${pages + 20}`)
  await fill(t, { file, makeRoom: () => db.pragma('max_page_count = 1000000') }, people, id)
})

for (const log of [undefined, 'confab.log']) {
  const name = log === undefined ? 'so does one on a disk that is full' : 'so does one whose log is on the same disk'
  t.test(name, t => onFullDisk(t, log))
}

/** Runs the server with its database on a small disk. The log goes to the file `log` there, if given. */
async function onFullDisk(t: Test, log?: string): Promise<void> {
  // Outside the fixtures of the test, which tap removes before the disk is unmounted.
  const cwd = mkdtempSync(`${tmpdir()}/confab-disk-`)
  t.teardown(() => rmdirSync(cwd))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', cwd], { stdio: 'pipe' })
  } catch (error) {
    return t.comment(`not tried, as nothing can be mounted here: ${(error as Error).message}`)
  }
  t.teardown(() => execFileSync('umount', ['-l', cwd]))
  const server = await start(t, cwd, log === undefined ? {} : { log: `${cwd}/${log}` })
  const { id, people } = await server.chat('ann', 'bob')
  const makeRoom = () => void execFileSync('mount', ['-o', 'remount,size=64m', cwd])
  const [ann] = people
  const elsewhere = async () => {
    const refused = { status: 503, body: { code: 'STORAGE_FAILED' } }
    // A failed write can leave some free space, on the disk and in the file: fill that too.
    spawnSync('dd', ['if=/dev/zero', `of=${cwd}/ballast`, 'bs=4096'])
    const change = (i: number) => ann.patch('/users/me', { display_name: `Ann ${i}` })
    for (let i = 0; i < 500 && (await change(i)).status === 200; i++);
    t.match(await change(0), refused)
    t.match(await ann.post('/auth/login', { username: 'ann', password: 'correct horse' }), refused)
    t.match(await ann.get('/health/ready'), refused)
    t.equal((await ann.get('/search?query=x')).status, 200, 'search answers from what it has')
  }
  await fill(t, { file: server.file, makeRoom, elsewhere }, people, id)
  await server.ready()
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, signal: null, stderr: '' })
  await until(() => server.lines.at(-1)?.msg === 'Stopping (SIGTERM)', 5000)
  t.equal(server.lines.at(-1)?.msg, 'Stopping (SIGTERM)')
  t.ok(
    server.lines.some(({ msg }) => msg === 'changes could not be stored'),
    'the log says what happened'
  )
}
