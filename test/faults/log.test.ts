import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Json } from '../helper.ts'

const path = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url))
const SECRET_KEY = '0123456789abcdef0123456789abcdef'
const PATIENCE_MS = 10_000

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

interface Options {
  /** The destination of stdout and stderr: a file, or a pipe without a reader. */
  to: string | 'closed pipe'
  /** Runs in the process before the server does. */
  before?: string
  /** Runs in the shell that becomes the server. */
  shell?: string
}

/** Starts the server as a process without a readable log. Resolves when the server answers a request. */
async function start(t: Test, { to, before = '', shell = ':' }: Options) {
  const port = await freePort()
  const log = to === 'closed pipe' ? ('pipe' as const) : openSync(to, 'a')
  const fault = `data:text/javascript,${before}`
  const command = [process.execPath, '--import', fault, '--import', path('node-version.js'), path('main.ts')]
  // Without the settings of the test runner for its children, which make them write files.
  const { NODE_OPTIONS, ...env } = process.env
  const child = spawn('bash', ['-c', `${shell}; exec "$@"`, 'bash', ...command], {
    env: { ...env, SECRET_KEY, PORT: String(port), DATABASE_URL: 'sqlite:///:memory:', LOG_LEVEL: 'debug' },
    stdio: ['ignore', log, log]
  })
  if (typeof log === 'number') closeSync(log)
  child.stdout?.destroy()
  child.stderr?.destroy()
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const url = `http://127.0.0.1:${port}`
  /** Requests a path and returns the status. Each request writes a line to the log. */
  const get = async (path: string) =>
    (await fetch(`${url}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) })).status
  for (const end = Date.now() + PATIENCE_MS; (await get('/nowhere').catch(() => 0)) !== 404; await sleep(20)) {
    if (Date.now() > end) throw new Error('the server does not answer')
  }
  return {
    child,
    get,
    /** The exit code and signal; `alive` if the process does not end. */
    end: () => Promise.race([ended, sleep(PATIENCE_MS, { code: 'alive', signal: null }, { ref: false })])
  }
}

for (const to of ['/dev/full', 'closed pipe']) {
  t.test(`without a log, the server works and stops when it is told to: ${to}`, async t => {
    const server = await start(t, { to })
    for (let i = 0; i < 20; i++) t.equal(await server.get('/nowhere'), 404)
    server.child.kill('SIGTERM')
    t.strictSame(await server.end(), { code: 0, signal: null })
  })
}

t.test('without a log, an uncaught error ends the server', async t => {
  const before = 'process.on("SIGWINCH", () => { throw new Error("a fault from outside") })'
  const server = await start(t, { to: '/dev/full', before })
  server.child.kill('SIGWINCH')
  t.strictSame(await server.end(), { code: 1, signal: null })
})

t.test('lines that could not be written are written when they can be, whole and in order', async t => {
  const log = `${t.testdir({})}/confab.log`
  // The file may grow to 4 KiB: a write beyond this size is cut, and the next one fails (EFBIG).
  const server = await start(t, { to: log, shell: 'ulimit -S -f 4' })
  const lines = (): Json[] =>
    readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
  /** The number of requests for this path in the log. */
  const asked = (path: string) => lines().filter(({ msg, req }) => msg === 'request' && req.path === path).length
  for (let i = 0; i < 60; i++) await server.get('/auth/me')
  t.equal(readFileSync(log).length, 4096)
  execFileSync('prlimit', ['--pid', String(server.child.pid), '--fsize=unlimited:'])
  for (const end = Date.now() + PATIENCE_MS; readFileSync(log).length === 4096 && Date.now() < end; ) await sleep(50)
  t.equal(asked('/auth/me'), 60, 'without another line')
  await server.get('/users')
  server.child.kill('SIGTERM')
  t.strictSame(await server.end(), { code: 0, signal: null })
  t.equal(asked('/users'), 1)
  t.equal(lines().at(-1).msg, 'Stopping (SIGTERM)')
  const times = lines().map(({ time }) => time)
  t.strictSame(times, times.toSorted())
})

t.test('a terminal gets lines for people, and a server whose terminal is gone ends', async t => {
  const port = await freePort()
  const command = [process.execPath, '--import', path('node-version.js'), path('main.ts')].join(' ')
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, SECRET_KEY, PORT: String(port), DATABASE_URL: 'sqlite:///:memory:' },
    stdio: ['ignore', 'pipe', 'ignore']
  })
  t.teardown(() => terminal.kill('SIGKILL'))
  let shown = ''
  for await (const chunk of terminal.stdout) {
    shown += chunk
    if (shown.includes('/asyncapi')) break
  }
  // The time, then the level in a colour.
  t.match(
    shown,
    new RegExp(`^\\[\\d\\d:\\d\\d:\\d\\d\\] \u001b\\[32mINFO\\S*: \\S*Listening on http://127.0.0.1:${port}`)
  )
  t.notMatch(shown, /"level"|hostname/)
  terminal.kill('SIGKILL')
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/health/live`).then(
      () => true,
      () => false
    )
  for (const end = Date.now() + PATIENCE_MS; (await answers()) && Date.now() < end; ) await sleep(50)
  t.notOk(await answers())
})
