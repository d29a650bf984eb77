import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chart } from './chart.ts'
import { ask } from './child.ts'
import type { Measured } from './load.ts'
import { modeOf, rowsOf } from './rows.ts'
import { ceiling, findBun, type Shape, type Start, servers } from './servers.ts'
import { machine, serverSettings, versions } from './settings.ts'

// Compares Confab with its peers under the same load. They run in turn, so that a slow minute affects all of them.

const here = fileURLToPath(new URL('.', import.meta.url))
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    mode: { type: 'string', default: 'pipelined' }
  }
})

const PEER = 'Bun + bun:sqlite'

export type Figures = Record<string, Record<string, Measured>>

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const mode = modeOf(values.mode)
const rows = rowsOf(mode, values.only, values.quick)

if (!existsSync(`${here}node_modules`)) {
  say('Installing the peers …')
  execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })
}

const bun = findBun()
if (!bun) say(`Without Bun: there is no binary of it that runs here (${process.platform}, ${process.arch})`)
const all = Object.entries(servers(bun)).filter(
  ([name]) => !values.peers || name === 'Confab' || name.includes(values.peers)
)
const rounds = values.quick ? 1 : 3
const timing = values.quick ? { warmUpMs: 500, measureMs: 700 } : { warmUpMs: 2000, measureMs: 5000 }
const halves = values.quick ? [] : all.filter(([name]) => bun && ['Confab', PEER].includes(name))
const total = rows.length * (rounds * (all.length + halves.length) + 1)
let done = 0

const amount = (figure: number) => figure.toLocaleString('en')
const times = ({ p50, p99 }: Measured) => `p50 ${p50} ms, p99 ${p99} ms`
/** Above this share of a core, the load process may have been the bottleneck. */
const LIMIT = 0.95
const ofLoad = ({ cpu }: Measured) => `load ${cpu.toFixed(2)} of a core${cpu >= LIMIT ? ', the limit' : ''}`

/** Starts one server, measures it under one load, and stops it. */
async function measure(what: string, start: Start, shape: Shape, rate = 0): Promise<Measured> {
  const { stop, ...server } = await start(shape)
  try {
    const { senders, inFlight } = shape
    const job = { ...server, senders, inFlight, rate, textBytes: 64, idleMs: 300, ...timing }
    const { answer } = await ask<Measured>('load.ts', job)
    const { deliveries, cpu, server: used } = answer
    say(
      `${++done}/${total} ${what}: ${amount(deliveries)} deliveries/s, ${times(answer)}, cores: server ${used}, load ${cpu}`
    )
    return answer
  } finally {
    await stop()
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function medians(all: Measured[]): Measured {
  const keys = Object.keys(all[0] as Measured) as (keyof Measured)[]
  // `fromEntries` loses the keys of the type. All keys of Measured are present, and all values are numbers.
  return Object.fromEntries(keys.map(key => [key, median(all.map(one => one[key]))])) as unknown as Measured
}

/** Runs each server under each load, in rounds. `rates` has the fixed rate of each row in messages a second, if any. */
async function inTurns(what: string, entries: [string, Start][], rates: Record<string, number> = {}): Promise<Figures> {
  const measured = new Map(rows.map(([row]) => [row, new Map(entries.map(([name]) => [name, [] as Measured[]]))]))
  for (let round = 1; round <= rounds; round++) {
    for (const [row, shape] of rows) {
      for (const [name, start] of entries) {
        const one = await measure(`${what}round ${round}, ${row}, ${name}`, start, shape, rates[row])
        measured.get(row)?.get(name)?.push(one)
      }
    }
  }
  const ofRow = (runs: Map<string, Measured[]>) =>
    Object.fromEntries([...runs].map(([name, list]) => [name, medians(list)]))
  return Object.fromEntries([...measured].map(([row, runs]) => [row, ofRow(runs)]))
}

const results = await inTurns('', all)
const ceilings: Record<string, Measured> = {}
for (const [row, shape] of rows) ceilings[row] = await measure(`the load's ceiling, ${row}`, ceiling, shape)

if (mode === 'single') say('\nEvery message a write of its own')
say("\nDeliveries a second, how many times as many Confab makes, and the share of the load's ceiling")
for (const [row, figures] of Object.entries(results)) {
  const own = figures['Confab'] as Measured
  const most = ceilings[row] as Measured
  say(`\n${row}`)
  for (const [name, one] of Object.entries(figures)) {
    const ratio = (own.deliveries / one.deliveries).toFixed(2).padStart(7)
    const share = `${((100 * one.deliveries) / most.deliveries).toFixed(0)} %`.padStart(5)
    say(
      `${ratio} ×  ${name.padEnd(28)} ${amount(one.deliveries).padStart(11)}/s ${share}  ${times(one)}, ${ofLoad(one)}`
    )
  }
  say(`           ${"the load's ceiling".padEnd(28)} ${amount(most.deliveries).padStart(11)}/s`)
}

let latency: Figures = {}
if (halves.length === 2) {
  say('\nLatency at half of what Bun delivers')
  const half = ([row, shape]: [string, Shape]) => (results[row]?.[PEER]?.deliveries ?? 0) / 2 / (shape.sockets - 1)
  const rates = Object.fromEntries(rows.map(entry => [entry[0], half(entry)]))
  latency = await inTurns('at half, ', halves, rates)
  for (const [row, figures] of Object.entries(latency)) {
    for (const [name, one] of Object.entries(figures)) {
      say(`${row}: ${name}: ${times(one)} at ${amount(one.deliveries)} deliveries/s`)
    }
  }
}

const settings = {
  ...machine(),
  ...versions(bun?.version),
  mode,
  rounds,
  ...timing,
  textBytes: 64,
  servers: serverSettings
}
mkdirSync(`${here}results`, { recursive: true })
const record = { settings, results, ceilings, latency }
const file = mode === 'single' ? 'single' : 'latest'
writeFileSync(`${here}results/${file}.json`, `${JSON.stringify(record, null, 2)}\n`)
writeFileSync(`${here}results/${file}.svg`, chart(results))
say(`\nWrote bench/results/${file}.json and ${file}.svg`)
