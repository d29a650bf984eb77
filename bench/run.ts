import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chart } from './chart.ts'
import type { Job, Measured } from './load.ts'
import { pinned, type Shape, servers } from './servers.ts'

// Confab and its peers under the same load, one after the other, in turns. Ratios first.

const here = fileURLToPath(new URL('.', import.meta.url))
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, peers: { type: 'string' } }
})

const ROWS: Record<string, Shape> = {
  'one room of 100': { rooms: 1, sockets: 100, senders: 4, inFlight: 256 },
  'one room of 1000': { rooms: 1, sockets: 1000, senders: 4, inFlight: 64 },
  '100 rooms of 10': { rooms: 100, sockets: 10, senders: 2, inFlight: 16 },
  '1000 rooms of 2': { rooms: 1000, sockets: 2, senders: 1, inFlight: 4 }
}

const rounds = values.quick ? 1 : 3
const timing = values.quick ? { warmUpMs: 500, measureMs: 1500 } : { warmUpMs: 2000, measureMs: 5000 }
const names = Object.keys(servers).filter(name => !values.peers || name === 'Confab' || name.includes(values.peers))
const rows = Object.entries(ROWS).filter(([row]) => !values.only || row.includes(values.only))

export type Figures = Record<string, Record<string, Measured>>

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function load(job: Job): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const [file = '', ...args] = pinned(1, [process.execPath, `${here}load.ts`])
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', chunk => {
      text += chunk
    })
    child.once('exit', code =>
      code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`the load ended with ${code}`))
    )
    child.stdin.end(JSON.stringify(job))
  })
}

/** One server under one load, from its start to its end. */
async function measure(name: string, shape: Shape, rate?: number): Promise<Measured> {
  const start = servers[name] as (shape: Shape) => ReturnType<(typeof servers)[string]>
  const { port, dialect, rooms, stop } = await start(shape)
  try {
    const { senders, inFlight } = shape
    const open = rate === undefined ? {} : { rate }
    return await load({ port, dialect, rooms, senders, inFlight, textBytes: 64, ...timing, ...open })
  } finally {
    await stop()
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function medians(all: Measured[]): Measured {
  const of = (key: keyof Measured) => median(all.map(one => one[key]))
  return { deliveries: of('deliveries'), p50: of('p50'), p99: of('p99'), cpu: of('cpu') }
}

const settings = {
  date: new Date().toISOString(),
  processor: cpus()[0]?.model,
  cores: cpus().length,
  node: process.version,
  rounds,
  ...timing,
  textBytes: 64,
  confab: 'as it ships: accounts, sessions, validation, SQLite FULL; RATE_LIMITS=off',
  peers: 'no accounts, no validation; SQLite in WAL mode, NORMAL'
}

if (!existsSync(`${here}node_modules`)) {
  say('Installing the peers …')
  execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })
}

const results: Figures = {}
for (const [row, shape] of rows) {
  const runs = new Map<string, Measured[]>(names.map(name => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      const measured = await measure(name, shape)
      runs.get(name)?.push(measured)
      const { deliveries, p50, p99, cpu } = measured
      say(
        `${row}, round ${round}: ${name}: ${deliveries.toLocaleString('en')} deliveries/s, p50 ${p50} ms, p99 ${p99} ms, load ${cpu}`
      )
    }
  }
  results[row] = Object.fromEntries([...runs].map(([name, all]) => [name, medians(all)]))
}

say('\nDeliveries a second, and how many times as many Confab makes')
for (const [row, figures] of Object.entries(results)) {
  const own = figures['Confab'] as Measured
  say(`\n${row}`)
  for (const [name, { deliveries, p50, p99 }] of Object.entries(figures)) {
    const ratio = (own.deliveries / deliveries).toFixed(2).padStart(7)
    say(
      `${ratio} ×  ${name.padEnd(28)} ${deliveries.toLocaleString('en').padStart(11)}/s  p50 ${p50} ms  p99 ${p99} ms`
    )
  }
}

const latency: Figures = {}
if (!values.quick) {
  say('\nLatency at half of what Bun delivers')
  for (const [row, shape] of rows) {
    const peer = results[row]?.['Bun + bun:sqlite']
    if (!peer) continue
    const rate = peer.deliveries / 2 / (shape.sockets - 1)
    latency[row] = {}
    for (const name of ['Confab', 'Bun + bun:sqlite']) {
      const all: Measured[] = []
      for (let round = 0; round < rounds; round++) all.push(await measure(name, shape, rate))
      const figures = medians(all)
      latency[row][name] = figures
      say(
        `${row}: ${name}: p50 ${figures.p50} ms, p99 ${figures.p99} ms at ${figures.deliveries.toLocaleString('en')} deliveries/s`
      )
    }
  }
}

mkdirSync(`${here}results`, { recursive: true })
writeFileSync(`${here}results/latest.json`, `${JSON.stringify({ settings, results, latency }, null, 2)}\n`)
writeFileSync(`${here}results/latest.svg`, chart(results))
say('\nWrote bench/results/latest.json and latest.svg')
