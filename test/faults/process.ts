import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Client, Server } from '../helper.ts'

const path = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url))
/** The arguments of `npm start`. */
const FLAGS = ['--max-semi-space-size=8', '--no-concurrent-marking']
const COMMAND = [process.execPath, ...FLAGS, '--import', path('node-version.js'), path('main.ts')]
const SECRET_KEY = '8d6f2c1b0a9e47538d6f2c1b0a9e4753'
const START_MS = 20_000

export interface StartOptions {
  env?: NodeJS.ProcessEnv
  /** A command that runs the command of the server: a shell with a limit, a tracer. */
  wrap?: (command: string[]) => string[]
  /** The file for the log, instead of `lines`. */
  log?: string
}

interface Line {
  level: number
  pid: number
  msg: string
  err?: { message: string }
}

/** Starts the server as a process, with a database file in `cwd`. The test kills it if it still runs. */
export async function start(t: Test, cwd: string, { env = {}, wrap = all => all, log }: StartOptions = {}) {
  const startedAt = performance.now()
  // Without the settings of the test runner for its children.
  const [file = '', ...args] = ['env', '-u', 'NODE_OPTIONS', ...wrap(COMMAND)]
  const settings = { SECRET_KEY, PORT: '0', RATE_LIMITS: 'off', HOST: '127.0.0.1', LOG_LEVEL: 'info', ...env }
  const stdout = log === undefined ? ('pipe' as const) : openSync(log, 'a')
  const child = spawn(file, args, {
    cwd,
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', stdout, 'pipe']
  })
  if (typeof stdout === 'number') closeSync(stdout)
  const lines: Line[] = []
  const stderr = text(child.stderr as Readable)
  const ended = once(child, 'exit').then(async ([code, signal]) => ({ code, signal, stderr: await stderr }))
  const listening = new Promise<Line>((resolve, reject) => {
    // `tail` ends with the server.
    const source: Readable | null =
      log === undefined ? child.stdout : spawn('tail', ['-n', '+1', '-F', `--pid=${child.pid}`, log]).stdout
    createInterface(source as Readable).on('line', line => {
      const parsed = JSON.parse(line)
      lines.push(parsed)
      if (/^Listening on /.test(parsed.msg)) resolve(parsed)
    })
    ended.then(({ stderr }) => reject(new Error(`ended before it listened: ${stderr}`)), reject)
    sleep(START_MS, undefined, { ref: false }).then(() => reject(new Error(`silent for ${START_MS} ms`)), reject)
  })
  t.teardown(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'))
  const { msg, pid } = await listening
  const server = new Process(t, msg.slice('Listening on '.length), { child, cwd, pid, lines, ended, startedAt })
  t.teardown(() => server.kill())
  return server
}

interface Parts {
  child: ChildProcess
  cwd: string
  pid: number
  lines: Line[]
  ended: Promise<{ code: number | null; signal: string | null; stderr: string }>
  startedAt: number
}

export class Process extends Server {
  readonly pid: number
  /** All log lines so far. */
  readonly lines: readonly Line[]
  /** Resolves when the process has ended. */
  readonly ended: Parts['ended']
  readonly #startedAt: number
  #running = true

  constructor(t: Test, url: string, { pid, cwd, lines, ended, startedAt }: Parts) {
    // The app is in the other process.
    super(t, undefined as never, url, { DATABASE_URL: `sqlite:///${cwd}/confab.db` })
    this.pid = pid
    this.lines = lines
    this.ended = ended
    this.#startedAt = startedAt
    void ended.then(() => {
      this.#running = false
    })
  }

  override async document() {
    return (await fetch(`${this.url}/openapi.json`)).json()
  }

  override account(username: string) {
    return this.register(username, 'correct horse')
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#running) process.kill(this.pid, signal)
  }

  /** Returns a client of this process with the session of a client of an earlier process. */
  again(client: Client): Client {
    return new Client(this, client.cookie, client.user)
  }

  /** Waits until the server is ready. Returns the time since the start of the process in milliseconds. */
  async ready(): Promise<number> {
    for (let i = 0; i < 500; i++) {
      const { status } = await this.stranger().get('/health/ready')
      if (status === 200) return performance.now() - this.#startedAt
      await sleep(10)
    }
    throw new Error('not ready')
  }

  /** Returns the resident memory in MB. */
  rss(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]) / 1024
  }

  /** Returns the number of open file descriptors. */
  fds(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** Waits at most `ms` until at most `count` descriptors are open. Returns the number of open ones. */
  async fdsDownTo(count: number, ms = 10_000): Promise<number> {
    for (const end = Date.now() + ms; this.fds() > count && Date.now() < end; ) await sleep(50)
    return this.fds()
  }

  /** Measures the share of one core that the process uses in the next `ms`: 1 is a whole core. */
  async cpu(ms: number): Promise<number> {
    const before = this.#ticks()
    const began = performance.now()
    await sleep(ms)
    return ((this.#ticks() - before) * 10) / (performance.now() - began)
  }

  /** Returns the processor time so far in hundredths of a second: utime and stime of proc(5), after the name. */
  #ticks(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return Number(fields[11]) + Number(fields[12])
  }
}
