import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dialect, RawClient } from './client.ts'
import { cpuSeconds, residentKB } from './process.ts'

/** What a load process is told, as JSON on its standard input. */
export interface Job {
  port: number
  /** The server's process. */
  pid: number
  dialect: Dialect
  /** The path and the cookie of each socket, room by room. */
  rooms: { path: string; cookie?: string }[][]
  /** How many sockets of a room send. */
  senders: number
  /** Messages of a room on their way at any time. */
  inFlight: number
  /** Instead of that: messages on their way over all rooms, which send in turn. */
  inTurn?: number
  /** Instead of that: messages a second over all rooms, whatever comes back. */
  rate?: number
  textBytes: number
  /** How long the sockets are left alone once they are open. */
  idleMs: number
  warmUpMs: number
  measureMs: number
}

export interface Measured {
  /** Messages delivered to sockets, a second. */
  deliveries: number
  /** From the send to the room's observer, in milliseconds. */
  p50: number
  p99: number
  /** Share of a core that this process took: near 1, the load was the limit. */
  cpu: number
  /** Messages sent, a second. */
  messages: number
  /** Share of a core that the server took. */
  server: number
  /** What the server's memory grew by when the sockets opened, and what it was then, in KB. */
  openedKB: number
  residentKB: number
}

const job: Job = JSON.parse(readFileSync(0, 'utf8'))

/** Sockets opened at a time. */
const AT_ONCE = 50

async function openAll(): Promise<RawClient[][]> {
  const rooms: RawClient[][] = job.rooms.map(() => [])
  const places = job.rooms.flatMap((sockets, r) => sockets.map((socket, i) => ({ ...socket, room: rooms[r], i })))
  for (let next = 0; next < places.length; next += AT_ONCE) {
    const some = places.slice(next, next + AT_ONCE)
    await Promise.all(
      some.map(async ({ path, cookie, room, i }) => {
        const client = await RawClient.open(job.port, path, job.dialect, cookie)
        if (room) room[i] = client
      })
    )
  }
  return rooms
}

const latencies: number[] = []
let measuring = false
const padding = 'x'.repeat(job.textBytes)

/** A text of the wanted size that says who sent it when. */
function textOf(sender: number): string {
  return `${sender}|${performance.now().toFixed(3)}|${padding}`.slice(0, job.textBytes)
}

const QUOTE_MESSAGE = Buffer.from('"message":"')

/** The last socket of a room sees everything that the senders say, and keeps them going. */
function observe(room: RawClient[], index: number, sendNext: (room: RawClient[], sender: number) => void): void {
  const observer = room.at(-1) as RawClient
  observer.observe = payload => {
    const at = payload.indexOf(QUOTE_MESSAGE) + QUOTE_MESSAGE.length
    const [sender = '', sent = ''] = payload.toString('latin1', at, at + 32).split('|')
    if (measuring && (latencies.length < 200_000 || index === 0)) latencies.push(performance.now() - Number(sent))
    sendNext(room, Number(sender))
  }
}

let turn = 0

function sendInTurn(): void {
  const sender = Math.floor(turn / rooms.length) % job.senders
  rooms[turn++ % rooms.length]?.[sender]?.send(textOf(sender))
}

function startOpenLoop(rate: number): NodeJS.Timeout {
  const began = performance.now()
  return setInterval(() => {
    for (const due = ((performance.now() - began) * rate) / 1000; turn < due; ) sendInTurn()
  }, 1)
}

const sendAgain = (room: RawClient[], sender: number) => room[sender]?.send(textOf(sender))

const emptyKB = residentKB(job.pid)
const rooms = await openAll()
await sleep(job.idleMs)
const fullKB = residentKB(job.pid)
const sendNext = job.rate ? () => undefined : job.inTurn ? sendInTurn : sendAgain
for (const [i, room] of rooms.entries()) observe(room, i, sendNext)
const timer = job.rate ? startOpenLoop(job.rate) : undefined
if (job.inTurn) {
  for (let i = 0; i < job.inTurn; i++) sendInTurn()
} else if (!timer) {
  for (const room of rooms) {
    for (let i = 0; i < job.inFlight; i++) sendAgain(room, i % job.senders)
  }
}
await sleep(job.warmUpMs)

const observers = rooms.map(room => room.at(-1) as RawClient)
const sum = (clients: RawClient[], key: 'bytes' | 'messages') =>
  clients.reduce((total, client) => total + client[key], 0)
/** Bytes of all sockets; bytes and messages of those that know both. */
const count = () => ({
  all: sum(rooms.flat(), 'bytes'),
  bytes: sum(observers, 'bytes'),
  messages: sum(observers, 'messages')
})
const before = count()
const cpu = process.cpuUsage()
const serverCpu = cpuSeconds(job.pid)
const began = performance.now()
measuring = true
await sleep(job.measureMs)
measuring = false
const seconds = (performance.now() - began) / 1000
const serverUsed = cpuSeconds(job.pid) - serverCpu
const after = count()
const messageBytes = (after.bytes - before.bytes) / (after.messages - before.messages)
const delivered = (after.all - before.all) / messageBytes
const used = process.cpuUsage(cpu)
clearInterval(timer)

latencies.sort((a, b) => a - b)
const quantile = (q: number) => Number((latencies[Math.floor(latencies.length * q)] ?? Number.NaN).toFixed(2))
const measured: Measured = {
  deliveries: Math.round(delivered / seconds),
  p50: quantile(0.5),
  p99: quantile(0.99),
  cpu: Number(((used.user + used.system) / 1e6 / seconds).toFixed(2)),
  messages: Math.round((after.messages - before.messages) / seconds),
  server: Number((serverUsed / seconds).toFixed(3)),
  openedKB: fullKB - emptyKB,
  residentKB: fullKB
}
process.stdout.write(`${JSON.stringify(measured)}\n`)
process.exit(0)
