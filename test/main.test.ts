import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const path = (file: string) => fileURLToPath(new URL(`../src/${file}`, import.meta.url))
const NODE_VERSION = path('node-version.js')
const OURS = /^(DATABASE_URL|SECRET_KEY|HOST|PORT|LOG_LEVEL)$/
const SECRET_KEY = '0123456789abcdef0123456789abcdef'

/** Starts the server as a process in `cwd`. The test waits for its exit. */
function start(t: Test, cwd: string, env: NodeJS.ProcessEnv = {}, before: string[] = []) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)))
  const args = [...before, '--import', NODE_VERSION, path('main.ts')]
  const child = spawn(process.execPath, args, { cwd, env: { ...inherited, PORT: '0', ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const stderr = text(child.stderr)
  const lines: string[] = []
  let rest = ''
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts.map(line => JSON.parse(line).msg))
      const url = lines.map(line => /^Listening on (http:\S+)$/.exec(line)?.[1]).find(Boolean)
      if (url && lines.some(line => line.startsWith('Documents on'))) resolve(url)
    })
    ended.then(async () => reject(new Error(`ended before it listened: ${await stderr}`)), reject)
  })
  ready.catch(() => undefined)
  return {
    child,
    /** The messages of the log lines on stdout. */
    lines,
    /** Resolves with the address when the server listens. */
    ready,
    /** Resolves with the exit code and stderr when the process has ended. */
    async end() {
      const [code] = await ended
      return { code, stderr: await stderr }
    },
    async stop() {
      child.kill('SIGTERM')
      return this.end()
    }
  }
}

function post(url: string, body: object) {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

const ann = { username: 'ann', password: 'correct horse' }

t.test('the first start makes what it needs, says where, and ends well', async t => {
  const cwd = t.testdir({})
  const first = start(t, cwd)
  const url = await first.ready
  t.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  t.strictSame(first.lines, [
    `Listening on ${url}`,
    'Wrote .env with a new random SECRET_KEY',
    'Data in confab.db',
    `Documents on ${url}/docs (try it out), ${url}/redoc and, for the socket, ${url}/asyncapi`
  ])
  t.equal(statSync(`${cwd}/.env`).mode & 0o777, 0o600)
  t.match(readFileSync(`${cwd}/.env`, 'utf8'), /^SECRET_KEY=[\w-]{43}$/m)
  const live = await fetch(`${url}/health/live`)
  t.strictSame([live.status, await live.json()], [200, { status: 'ok' }])
  t.equal((await post(`${url}/auth/register`, ann)).status, 201)
  const login = await post(`${url}/auth/login`, ann)
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  t.strictSame(await first.stop(), { code: 0, stderr: '' })
  t.equal(first.lines.at(-1), 'Stopping (SIGTERM)')
  t.notOk(existsSync(`${cwd}/confab.db-wal`), 'the database is closed')

  await t.test('and the next one still knows the account and its session', async t => {
    const second = start(t, cwd)
    const url = await second.ready
    t.equal(second.lines.length, 3, 'nothing new is written')
    t.equal((await post(`${url}/auth/login`, ann)).status, 200)
    const me = await fetch(`${url}/auth/me`, { headers: { cookie } })
    t.match(await me.json(), { username: 'ann' })
    second.child.kill('SIGINT')
    t.strictSame(await second.end(), { code: 0, stderr: '' })
  })
})

t.test('what cannot work ends in one line and the exit code 1', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }

  const cases: [name: string, env: NodeJS.ProcessEnv, line: RegExp][] = [
    ['a wrong setting', { LOG_LEVEL: 'loud' }, /^confab: LOG_LEVEL must be one of .+, not "loud"$/],
    ['a port in use', { PORT: String(port) }, /^confab: PORT must be a free port: .+$/],
    ['an address of another machine', { HOST: '203.0.113.1' }, /^confab: HOST and PORT must be an address of this .+$/],
    ['a host without an address', { HOST: 'nowhere.invalid' }, /^confab: HOST and PORT must be an address of this .+$/],
    ['a database in no directory', { DATABASE_URL: 'sqlite:///no/chat.db' }, /^confab: DATABASE_URL: no\/chat\.db .+$/],
    ['a database that is none', { DATABASE_URL: 'sqlite:///notes.txt' }, /^confab: DATABASE_URL: notes\.txt cannot .+$/]
  ]
  t.jobs = 2
  for (const [name, env, line] of cases) {
    t.test(name, { buffered: true }, async t => {
      const cwd = t.testdir({ 'notes.txt': 'These are notes, not a database. '.repeat(50) })
      const { code, stderr } = await start(t, cwd, { SECRET_KEY, ...env }).end()
      t.equal(code, 1)
      t.equal(stderr.split('\n').length, 2, stderr)
      t.match(stderr.trimEnd(), line)
      t.notOk(existsSync(`${cwd}/.env`), 'a secret that is set is not written')
    })
  }
})

t.test('a database has one server, and the next one when that has ended, however it ended', async t => {
  const cwd = t.testdir({})
  const first = start(t, cwd, { SECRET_KEY, PORT: '0' })
  await first.ready
  const files = ['confab.db', 'confab.db-lock', 'confab.db-shm', 'confab.db-wal']
  t.strictSame(readdirSync(cwd).sort(), files)
  for (const file of files) t.equal(statSync(`${cwd}/${file}`).mode & 0o777, 0o600, `${file} is nobody else's`)
  const { code, stderr } = await start(t, cwd, { SECRET_KEY, PORT: '0' }).end()
  t.equal(code, 1)
  t.equal(stderr, 'confab: DATABASE_URL: confab.db cannot be opened: another server has it open\n')
  first.child.kill('SIGKILL')
  const next = start(t, cwd, { SECRET_KEY, PORT: '0' })
  await next.ready
  next.child.kill('SIGTERM')
  t.strictSame(await next.end(), { code: 0, stderr: '' })
})

t.test('an .env that cannot be read is named', async t => {
  const cwd = t.testdir({ '.env': { directory: '' } })
  const { code, stderr } = await start(t, cwd).end()
  t.equal(code, 1)
  t.match(stderr, /^confab: \.env cannot be read: .+\n$/)
})

t.test('an uncaught error is logged, and the server ends', async t => {
  const cwd = t.testdir({})
  const fault = 'data:text/javascript,process.on("SIGWINCH", () => { throw new Error("a fault from outside") })'
  const server = start(t, cwd, { SECRET_KEY }, ['--import', fault])
  await server.ready
  server.child.kill('SIGWINCH')
  t.match(await server.end(), { code: 1 })
  t.equal(server.lines.at(-1), 'Stopping (uncaught error)')
})

t.test('a start that fails for no reason that anybody could know tells where', async t => {
  const odd =
    "data:text/javascript,import net from 'node:net'; net.Server.prototype.listen = () => { throw new Error('odd') }"
  const server = start(t, t.testdir({}), { SECRET_KEY }, ['--import', odd])
  const { code, stderr } = await server.end()
  t.equal(code, 1)
  t.match(stderr, /^confab: Error: odd\n +at /)
})

t.test('a Node that is too old says which one is needed', async t => {
  const old = 'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "24.15.1" })'
  const server = start(t, t.testdir({}), { SECRET_KEY }, ['--import', old])
  t.strictSame(await server.end(), {
    code: 1,
    stderr:
      'confab: Node 24.15.1 is too old: 24.16 or newer is needed; a full npm install (without --omit=dev) brings one\n'
  })
})

const system = '/usr/bin/node'
const tooOld =
  existsSync(system) && Number(/v(\d+)/.exec(execFileSync(system, ['--version'], { encoding: 'utf8' }))?.[1]) < 24

t.test('a real old Node says it too', { skip: !tooOld }, async t => {
  const { NODE_OPTIONS, ...env } = process.env
  const { status, stderr } = spawnSync(system, ['--import', NODE_VERSION, path('main.ts')], { env, encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^confab: Node \d+\.\d+\.\d+ is too old: 24\.16 or newer is needed; a full npm install .+\n$/)
})
