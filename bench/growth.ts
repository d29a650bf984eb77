import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ask } from './child.ts'
import type { Measured } from './load.ts'
import { plots } from './plot.ts'
import type { Probed } from './probe.ts'
import { cpuSeconds, residentKB } from './process.ts'
import { confab, type Running, type Shape } from './servers.ts'
import { machine } from './settings.ts'

// Measures costs of Confab against sizes: sockets of a room, rooms, stored messages, open sockets. Default settings.

const here = fileURLToPath(new URL('.', import.meta.url))
const { values } = parseArgs({
  options: { full: { type: 'boolean', default: false }, only: { type: 'string', default: '' } }
})

/** The costs for several values of one size. */
export interface Growth {
  title: string
  /** The name of the size. */
  size: string
  sizes: number[]
  /** The costs by name with unit, one for each size; NaN where a cost has no meaning. */
  costs: Record<string, number[]>
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const timing = { warmUpMs: 2000, measureMs: 3000, idleMs: 1500, textBytes: 64 }
const MICRO = 1e6

/** Adds the costs at one size to those of the sizes before. */
function add(growth: Growth, size: number, costs: Record<string, number>): void {
  growth.sizes.push(size)
  for (const [name, value] of Object.entries(costs)) {
    const list = growth.costs[name] ?? []
    growth.costs[name] = [...list, Number(value.toPrecision(3))]
  }
  const figures = Object.entries(costs).map(([name, value]) => `${name}: ${Number(value.toPrecision(3))}`)
  say(`${size.toLocaleString('en')} ${growth.size}: ${figures.join('; ')}`)
}

async function withServer<T>(shape: Shape, options: string[], use: (server: Running) => Promise<T>): Promise<T> {
  const server = await confab(shape, options)
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** Returns `length` items. After the last item, it begins again with the first. */
function repeat<T>(list: T[], length: number): T[] {
  return Array.from({ length }, (_, i) => list[i % list.length] as T)
}

/** Measures a new server under a load with few messages in flight. */
function underLoad(shape: Shape, options: string[], inTurn?: number): Promise<Measured> {
  return withServer(shape, options, async ({ port, pid, dialect, rooms }) => {
    const { sockets, senders, inFlight } = shape
    const places = rooms.map(room => repeat(room, sockets))
    const job = { port, pid, dialect, rooms: places, senders, inFlight, inTurn, ...timing }
    return (await ask<Measured>('load.ts', job)).answer
  })
}

/** Maximum number of members of a new chat. With more sockets, members have several. */
const MOST_MEMBERS = 5000

async function roomGrowth(): Promise<Growth> {
  const growth: Growth = { title: 'One room', size: 'sockets in the room', sizes: [], costs: {} }
  for (const sockets of [10, 100, 1000, 10_000]) {
    const members = String(Math.min(sockets, MOST_MEMBERS))
    const shape = { rooms: 1, sockets, senders: 4, inFlight: 4 }
    const measured = await underLoad(shape, ['--users', members, '--members', members])
    const { server, messages, deliveries, p50, openedKB } = measured
    add(growth, sockets, {
      'CPU a message, µs': (server / messages) * MICRO,
      'CPU a delivery, µs': (server / deliveries) * MICRO,
      'latency p50, ms': p50,
      // For few sockets, the noise of the heap is larger than their memory.
      'memory a socket, KB': sockets < 1000 ? Number.NaN : openedKB / sockets
    })
  }
  return growth
}

/** 10,000 rooms would need more sockets than the 20,000 file descriptors that many systems allow a process. */
const MOST_ROOMS = 9_900

async function roomsGrowth(): Promise<Growth> {
  const growth: Growth = { title: 'Rooms of 2 sockets', size: 'rooms', sizes: [], costs: {} }
  for (const rooms of [1, 10, 100, 1000, MOST_ROOMS]) {
    const users = String(Math.min(1000, rooms * 2))
    const measured = await underLoad({ rooms, sockets: 2, senders: 1, inFlight: 0 }, ['--users', users], 64)
    const { server, messages, p50, residentKB } = measured
    add(growth, rooms, {
      'CPU a message, µs': (server / messages) * MICRO,
      'latency p50, ms': p50,
      'server memory, MB': residentKB / 1024
    })
  }
  return growth
}

async function messagesGrowth(): Promise<Growth> {
  const growth: Growth = { title: 'One chat', size: 'stored messages', sizes: [], costs: {} }
  for (const messages of [1000, 10_000, 100_000, 1_000_000, ...(values.full ? [10_000_000] : [])]) {
    if (messages > 1_000_000) say('Storing 10 million messages, which takes minutes …')
    const shape = { rooms: 1, sockets: 10, senders: 1, inFlight: 1 }
    await withServer(shape, ['--messages', String(messages)], async ({ port, pid, rooms }) => {
      const { path, cookie } = rooms[0]?.[0] ?? {}
      const chat_id = Number(path?.split('=')[1])
      const { answer } = await ask<Probed>('probe.ts', { port, chat_id, cookie, times: 300, mostMs: 1500 })
      add(growth, messages, {
        'latest page of 50, ms': answer.latestPage,
        'page in the middle, ms': answer.middlePage,
        'upgrade, ms': answer.upgrade,
        'resume over 100 messages, ms': answer.resume,
        'send to ack, ms': answer.send,
        'server memory, MB': residentKB(pid) / 1024
      })
    })
  }
  return growth
}

/** All waves together must have enough ports: the kernel keeps a port for a minute. */
const WAVE = 1000

async function upgradeGrowth(): Promise<Growth> {
  const growth: Growth = { title: 'Upgrades', size: 'open sockets', sizes: [], costs: {} }
  await withServer({ rooms: 100, sockets: 10, senders: 1, inFlight: 0 }, [], async ({ port, pid, dialect, rooms }) => {
    const places = rooms.flat()
    const open = (sockets: number, idleMs: number, from?: string) => {
      const list = repeat(places, sockets)
      return ask<{ perSecond: number }>('connect.ts', { port, dialect, rooms: [list], from, atOnce: 32, idleMs })
    }
    const wave = async () => {
      const { answer, end } = await open(WAVE, 0)
      await end()
      await sleep(500)
      return answer.perSecond
    }
    await wave()
    await wave()
    const others: { end(): Promise<void> }[] = []
    let before = 0
    for (const sockets of [0, 5000, 15_000]) {
      if (sockets > before) others.push(await open(sockets - before, 120_000, `127.0.0.${2 + others.length}`))
      before = sockets
      await sleep(1000)
      const cpu = cpuSeconds(pid)
      const perSecond = [await wave(), await wave(), await wave()].sort((a, b) => a - b)[1] as number
      add(growth, sockets, {
        'upgrades a second': perSecond,
        'CPU an upgrade and close, µs': ((cpuSeconds(pid) - cpu) / (3 * WAVE)) * MICRO,
        'server memory, MB': residentKB(pid) / 1024
      })
    }
    for (const { end } of others) await end()
  })
  return growth
}

function table({ title, size, sizes, costs }: Growth): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const names = Object.keys(costs)
  const cell = (value = Number.NaN) => (Number.isNaN(value) ? '' : value.toLocaleString('en'))
  const rows = sizes.map((one, i) => line([cell(one), ...names.map(name => cell(costs[name]?.[i]))]))
  const head = [line([size, ...names]), line([size, ...names].map(() => '--:'))]
  return [`**${title}**`, '', ...head, ...rows].join('\n')
}

const parts = { room: roomGrowth, rooms: roomsGrowth, messages: messagesGrowth, upgrades: upgradeGrowth }
const chosen = Object.entries(parts).filter(([name]) => !values.only || values.only === name)
if (chosen.length === 0) throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}`)
const began = performance.now()
const grown: Growth[] = []
for (const [, grow] of chosen) grown.push(await grow())

for (const growth of grown) say(`\n${table(growth)}`)
mkdirSync(`${here}results`, { recursive: true })
const record = { settings: { ...machine(), ...timing }, grown }
writeFileSync(`${here}results/growth.json`, `${JSON.stringify(record, null, 2)}\n`)
writeFileSync(`${here}results/growth.svg`, plots(grown))
say(`\nWrote bench/results/growth.json and growth.svg in ${Math.round((performance.now() - began) / 1000)} s`)
