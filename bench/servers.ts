import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dialect } from './client.ts'
import type { Job } from './load.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))

/** A shape of load: a number of rooms, of sockets in each room, and of senders among them. */
export interface Shape {
  rooms: number
  sockets: number
  senders: number
  inFlight: number
}

export interface Running {
  port: number
  pid: number
  dialect: Dialect
  rooms: Job['rooms']
  stop(): Promise<void>
}

/** Pins a command to a core: on two cores, the server runs on the first and the load on the second. */
export function pinned(core: number, command: string[]): string[] {
  return ['taskset', '-c', String(core), ...command]
}

async function launch(command: string[], env: NodeJS.ProcessEnv, directory: string, ready: RegExp) {
  const [file = '', ...args] = pinned(0, command)
  const child: ChildProcess = spawn(file, args, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', chunk => {
      text += chunk
      const found = ready.exec(text)
      if (found) resolve(Number(found[1]))
    })
    child.once('exit', code => reject(new Error(`${command.join(' ')} ended with ${code}: ${text}`)))
  })
  const stop = () =>
    new Promise<void>(resolve => {
      child.once('exit', () => {
        rmSync(directory, { recursive: true, force: true })
        resolve()
      })
      child.kill(process.env['SERVER_SIGNAL'] === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL')
    })
  return { port, pid: child.pid as number, stop }
}

/** The settings of a Confab server with its database in this directory. */
export function confabEnv(directory: string, rateLimits: 'on' | 'off') {
  return {
    DATABASE_URL: `sqlite:///${directory}/confab.db`,
    SECRET_KEY: 'f3a1c9d2'.repeat(8),
    RATE_LIMITS: rateLimits,
    PORT: '0',
    LOG_LEVEL: 'info'
  }
}

/** Starts Confab as `npm start` does. `stop` removes the directory. */
export function startConfab(directory: string, rateLimits: 'on' | 'off') {
  const flags = process.env['SERVER_FLAGS']?.split(' ') ?? []
  const command = [
    process.execPath,
    '--max-semi-space-size=8',
    '--no-concurrent-marking',
    ...flags,
    `${root}src/main.ts`
  ]
  const ready = /Listening on http:\/\/127\.0\.0\.1:(\d+)/
  return launch(command, confabEnv(directory, rateLimits), directory, ready)
}

/** Confab with its defaults: accounts, sessions, synchronous=FULL. Only the rate limits are off. */
export async function confab({ rooms, sockets }: Shape, options: string[] = []): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'confab-bench-'))
  const prepare = [`${root}scripts/load-prepare.ts`, '--users', String(rooms * sockets), '--chats', String(rooms)]
  execFileSync(process.execPath, [...prepare, '--members', String(sockets), '--out', `${directory}/load`, ...options], {
    env: { ...process.env, ...confabEnv(directory, 'off') },
    cwd: directory
  })
  const file: { chat_id: number; cookies: string[] }[] = JSON.parse(readFileSync(`${directory}/load.json`, 'utf8'))
  const server = await startConfab(directory, 'off')
  const list = file.map(({ chat_id, cookies }) => cookies.map(cookie => ({ path: `/ws?chat_id=${chat_id}`, cookie })))
  return { ...server, dialect: 'plain', rooms: list }
}

async function peer(command: string[], path: string, dialect: Dialect, { rooms, sockets }: Shape): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'confab-bench-'))
  const server = await launch(command, { DATABASE: `${directory}/peer.db` }, directory, /listening (\d+)/)
  const list = Array.from({ length: rooms }, (_, room) =>
    Array.from({ length: sockets }, (_, i) => ({ path: `${path}chat_id=${room + 1}&user_id=${i + 1}` }))
  )
  return { ...server, dialect, rooms: list }
}

export interface Bun {
  file: string
  version: string
}

/** Finds a Bun binary that runs on this platform. */
export function findBun(): Bun | undefined {
  const binaries = `${here}node_modules/@oven`
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
  const all = existsSync(binaries) ? readdirSync(binaries) : []
  for (const name of all.filter(name => name.startsWith(`bun-${process.platform}-${arch}`)).sort()) {
    const file = `${binaries}/${name}/bin/bun`
    const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { file, version: stdout.trim() }
  }
  return undefined
}

export type Start = (shape: Shape) => Promise<Running>

const node =
  (script: string, path = '/?', dialect: Dialect = 'plain'): Start =>
  shape =>
    peer([process.execPath, `${here}peers/${script}`], path, dialect, shape)

export function servers(bun: Bun | undefined): Record<string, Start> {
  return {
    Confab: shape => confab(shape),
    ...(bun && { 'Bun + bun:sqlite': shape => peer([bun.file, `${here}peers/bun.js`], '/?', 'plain', shape) }),
    'ws + better-sqlite3': node('ws.js'),
    'Socket.IO + better-sqlite3': node('socket.io.js', '/socket.io/?EIO=4&transport=websocket&', 'socket.io')
  }
}

/** Not a chat server: it shows the maximum of the load process. */
export const ceiling = node('echo.js')
