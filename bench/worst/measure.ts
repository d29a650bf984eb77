import { copyFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Talk, talk } from '../child.ts'
import { startConfab } from '../servers.ts'
import type { Attack, Tally } from './attacker.ts'
import type { Waits } from './victim.ts'
import type { World } from './world.ts'

/** Maximum duration of an attack in milliseconds. A longer attack is cut off. */
const MOST_MS = 30_000
/** Maximum time until all sockets are open, in milliseconds. */
const PREPARE_MS = 60_000
/** Idle time of the server before an attack, and time after it in which pings are still measured. In milliseconds. */
const CALM_MS = 2000

export interface Measured extends Waits {
  tally: Tally
  /** Whether the attack ended before it was cut off. */
  inTime: boolean
  /** The unexpected or missing answers; undefined when the attack has happened as planned. */
  fault?: string
}

/** Returns the unexpected and the missing answers. */
function faultOf({ expected, allowed = [] }: Attack, tally: Tally, inTime: boolean): string | undefined {
  const faults = Object.entries(expected)
    .filter(([answer, count]) => (tally[answer] ?? 0) < count)
    .map(([answer, count]) => `${tally[answer] ?? 0} × ${answer} instead of ${count}`)
  const known = new Set([...Object.keys(expected), ...allowed])
  const others = Object.keys(tally).filter(answer => !known.has(answer))
  faults.push(...others.map(answer => `${tally[answer]} × ${answer}`))
  if (!inTime) faults.unshift(`not over after ${MOST_MS / 1000} s`)
  return faults.length > 0 ? faults.join(', ') : undefined
}

/** Runs one attack, and measures how long others wait during it. */
async function strike(attack: Attack, victim: Talk, attacker: Talk): Promise<Measured> {
  await sleep(CALM_MS)
  victim.tell('begin')
  attacker.tell('go')
  const answered = await attacker.hear<Tally>(MOST_MS)
  const inTime = answered !== undefined
  if (inTime) await sleep(CALM_MS)
  victim.tell('end')
  const waits = await hear<Waits>(victim, 'the victim')
  if (!inTime) attacker.tell('tally')
  const tally = answered ?? (await hear<Tally>(attacker, 'the attacker'))
  const fault = faultOf(attack, tally, inTime)
  return { ...waits, tally, inTime, ...(fault && { fault }) }
}

async function hear<T>(talk: Talk, name: string): Promise<T> {
  const message = await talk.hear<T>(PREPARE_MS)
  if (message === undefined) throw new Error(`no message from ${name} for ${PREPARE_MS / 1000} s`)
  return message
}

const NOTHING = {
  longest: Number.NaN,
  p99: Number.NaN,
  live: Number.NaN,
  worked: Number.NaN,
  late: Number.NaN,
  tally: {},
  inTime: false
}

/** Runs one attack on a new server, with a copy of the database in `directory`. */
export function measure(attack: Attack, world: World, directory: string): Promise<Measured> {
  return onServer(attack, world, directory).catch((error: Error) => ({ ...NOTHING, fault: error.message }))
}

async function onServer(attack: Attack, world: World, directory: string): Promise<Measured> {
  const own = mkdtempSync(join(tmpdir(), 'confab-worst-'))
  copyFileSync(`${directory}/confab.db`, `${own}/confab.db`)
  const server = await startConfab(own, 'on')
  const { port } = server
  const victim = talk('worst/victim.ts')
  const attacker = talk(
    'worst/attack.ts',
    [JSON.stringify({ port, world: `${directory}/world.json`, attack: attack.name })],
    true
  )
  try {
    victim.tell({ port, pid: server.pid, chat_id: world.chats.victims, people: world.victims })
    await hear(victim, 'the victim')
    await hear(attacker, 'the attacker')
    return await strike(attack, victim, attacker)
  } finally {
    await attacker.end()
    await victim.end()
    await server.stop()
  }
}
