import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, symlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Json } from '../helper.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SECRET_KEY = '0123456789abcdef0123456789abcdef'
const PATIENCE_MS = 20_000

/** Starts a process and collects its JSON lines. `until` resolves with the first line that has a text. */
function run(t: Test, command: string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const { NODE_OPTIONS, SECRET_KEY: _, ...inherited } = process.env
  const [file = '', ...args] = command
  const settings = { PORT: '0', DATABASE_URL: 'sqlite:///:memory:', ...env }
  const child = spawn(file, args, { cwd, env: { ...inherited, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: Json[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.filter(line => line.startsWith('{')).map(line => JSON.parse(line)))
  })
  const stderr = text(child.stderr)
  const ended = once(child, 'close').then(async ([code]) => ({ code, stderr: await stderr }))
  async function until(part: string): Promise<Json> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(10)) {
      const found = lines.find(({ msg }) => msg.includes(part))
      if (found) return found
    }
    throw new Error(`nothing said "${part}" within ${PATIENCE_MS} ms`)
  }
  return { child, lines, ended, until }
}

/** Copies the files of a production installation, without `without`. */
function install(t: Test, ...without: string[]): string {
  const root = t.testdir({})
  for (const part of ['src', 'drizzle', 'package.json', '.env.example']) {
    if (without.includes(part)) continue
    cpSync(ROOT + part, `${root}/${part}`, { recursive: true, filter: source => !source.endsWith('/assets') })
  }
  symlinkSync(`${ROOT}node_modules`, `${root}/node_modules`)
  return root
}

const MAIN = [process.execPath, '--import', './src/node-version.js', 'src/main.ts']

t.test('without the files of its pages, a server says so, and does not advertise them', async t => {
  const server = run(t, MAIN, install(t), { SECRET_KEY })
  const { msg } = await server.until('Listening on ')
  const url = msg.slice('Listening on '.length)
  t.equal((await server.until('Documents on ')).msg, `Documents on ${url}/docs (try it out)`)
  t.notOk(
    server.lines.some(({ level }) => level > 30),
    'nothing to warn of'
  )
  for (const path of ['/redoc', '/asyncapi']) {
    const reply = await fetch(url + path)
    t.equal(reply.status, 404, path)
    t.match(await reply.json(), { code: 'NOT_FOUND', message: /not installed.*--omit=dev.*\/docs/ })
  }
  for (const path of ['/docs', '/docs/static/swagger-ui-bundle.js', '/openapi.json', '/asyncapi.json']) {
    t.equal((await fetch(url + path)).status, 200, path)
  }
})

t.test('without an example to write .env from, a start without a secret ends in one line', async t => {
  const { code, stderr } = await run(t, MAIN, install(t, '.env.example')).ended
  t.equal(code, 1)
  t.match(stderr, /^confab: SECRET_KEY is not set, and \.env cannot be written: .+\.env\.example'\n$/)
})

t.test('npm passes a signal on to the server, which stops with grace', async t => {
  const server = run(t, ['npm', 'start'], ROOT, { SECRET_KEY })
  const { pid } = await server.until('Documents on ')
  t.not(pid, server.child.pid)
  server.child.kill('SIGTERM')
  await server.until('Stopping (SIGTERM)')
  await server.ended
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'the process has ended')
})

t.test('packages can be installed before there is anything else', async t => {
  const root = t.testdir({})
  cpSync(`${ROOT}package.json`, `${root}/package.json`)
  const { code, stderr } = await run(t, ['npm', 'run', 'prepare'], root).ended
  t.strictSame([code, stderr], [0, ''])
})
