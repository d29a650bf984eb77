import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from './settings.ts'
import type { Tally } from './worst/attacker.ts'
import { attacks } from './worst/attacks.ts'
import { type Measured, measure } from './worst/measure.ts'
import { buildWorld } from './worst/world.ts'

// Measures the longest wait of a ping in another chat while one account, or the members of one room, attack. For each
// attack, a new Confab server starts with its defaults and with limits.

const here = fileURLToPath(new URL('.', import.meta.url))
const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, rounds: { type: 'string', default: '3' } }
})
const rounds = Number(values.rounds)
if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error('--rounds takes a number of at least 1')
const [quiet, ...others] = attacks
const chosen = [quiet as (typeof attacks)[0], ...others.filter(({ name }) => name.includes(values.only))]
if (chosen.length === 1) throw new Error(`--only takes a part of one of:\n${others.map(({ name }) => name).join('\n')}`)

/** The results of all rounds of an attack. In milliseconds. */
interface Row {
  attack: string
  longest: number
  p99: number
  live: number
  worked: number
  late: number
  /** Whether a round was cut off. Then the waits are lower bounds. */
  cutOff: boolean
  /** From the last round. */
  tally: Tally
  faults: string[]
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function rowOf(attack: string, all: Measured[]): Row {
  const middle = (key: 'longest' | 'p99' | 'live' | 'worked' | 'late') =>
    Number(median(all.map(one => one[key])).toPrecision(3))
  return {
    attack,
    longest: middle('longest'),
    p99: middle('p99'),
    live: middle('live'),
    worked: middle('worked'),
    late: middle('late'),
    cutOff: all.some(({ inTime }) => !inTime),
    tally: (all.at(-1) as Measured).tally,
    faults: all.flatMap(({ fault }, i) => (fault ? [`round ${i + 1}: ${fault}`] : []))
  }
}

const answersOf = (tally: Tally) =>
  Object.entries(tally)
    .map(([answer, count]) => `${count} × ${answer}`)
    .join(', ')
const amount = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 3 })

function table(rows: Row[]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const heads = ['attack', 'longest wait of a ping, ms', 'p99', 'longest of /health/live', 'work of the server']
  const marks = ['---', ...heads.slice(1).map(() => '--:')]
  const body = rows.map(({ attack, longest, p99, live, worked, cutOff, faults }) => {
    const waits = [longest, p99, live, worked].map(value => `${cutOff ? '≥ ' : ''}${amount(value)}`)
    return line([`${attack}${faults.length > 0 ? ' (see below)' : ''}`, ...waits])
  })
  return [line(heads), line(marks), ...body].join('\n')
}

const began = performance.now()
const directory = mkdtempSync(join(tmpdir(), 'confab-worst-world-'))
// `process.exit` emits `exit`, whose listeners remove the directory and stop the servers.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
say('Filling a database with accounts, chats and messages …')
const world = await buildWorld(directory)
writeFileSync(`${directory}/world.json`, JSON.stringify(world))

const measured = new Map(chosen.map(({ name }) => [name, [] as Measured[]]))
for (let round = 1; round <= rounds; round++) {
  for (const [i, attack] of chosen.entries()) {
    const one = await measure(attack, world, directory)
    measured.get(attack.name)?.push(one)
    const waits = `longest ${amount(one.longest)} ms, p99 ${amount(one.p99)}, /health/live ${amount(one.live)}`
    const rest = `work of the server ${amount(one.worked)}, own delay ${amount(one.late)}; ${answersOf(one.tally)}`
    const fault = one.fault ? `; FAULT: ${one.fault}` : ''
    say(`${round}/${rounds}, ${i + 1}/${chosen.length} ${attack.name}: ${waits}, ${rest}${fault}`)
  }
}

const rows = [...measured].map(([name, all]) => rowOf(name, all))
say(`\nMedians of ${rounds} rounds, limits on\n\n${table(rows)}\n`)
say('Work of the server: the most processor time that its event loop took between a ping and the answer')
const wrong = rows.filter(({ faults }) => faults.length > 0)
if (wrong.length > 0) {
  say('\nThese attacks did not go as they should: their waits are at least what is shown, or mean nothing')
  for (const { attack, faults } of wrong) say(`${attack}: ${faults.join('; ')}`)
  process.exitCode = 1
}
mkdirSync(`${here}results`, { recursive: true })
writeFileSync(`${here}results/worst.json`, `${JSON.stringify({ settings: { ...machine(), rounds }, rows }, null, 2)}\n`)
say(`\nWrote bench/results/worst.json in ${Math.round((performance.now() - began) / 1000)} s`)
