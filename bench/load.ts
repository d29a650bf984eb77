import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dialect, RawClient } from './client.ts'

/** What a load process is told, as JSON on its standard input. */
export interface Job {
  port: number
  dialect: Dialect
  /** The path and the cookie of each socket, room by room. */
  rooms: { path: string; cookie?: string }[][]
  /** How many sockets of a room send. */
  senders: number
  /** Messages of a room on their way at any time. */
  inFlight: number
  /** Instead of that: messages a second over all rooms, whatever comes back. */
  rate?: number
  textBytes: number
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
}

const job: Job = JSON.parse(readFileSync(0, 'utf8'))

async function openAll(): Promise<RawClient[][]> {
  const rooms: RawClient[][] = []
  for (const sockets of job.rooms) {
    const room: RawClient[] = []
    for (let i = 0; i < sockets.length; i += 50) {
      const some = sockets.slice(i, i + 50)
      room.push(
        ...(await Promise.all(some.map(({ path, cookie }) => RawClient.open(job.port, path, job.dialect, cookie))))
      )
    }
    rooms.push(room)
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
function observe(room: RawClient[], index: number, closedLoop: boolean): void {
  const observer = room.at(-1) as RawClient
  observer.observe = payload => {
    const at = payload.indexOf(QUOTE_MESSAGE) + QUOTE_MESSAGE.length
    const [sender = '', sent = ''] = payload.toString('latin1', at, at + 32).split('|')
    if (measuring && (latencies.length < 200_000 || index === 0)) latencies.push(performance.now() - Number(sent))
    if (closedLoop) room[Number(sender)]?.send(textOf(Number(sender)))
  }
}

function startOpenLoop(rooms: RawClient[][], rate: number): NodeJS.Timeout {
  const began = performance.now()
  let sent = 0
  return setInterval(() => {
    for (const due = ((performance.now() - began) * rate) / 1000; sent < due; sent++) {
      const sender = Math.floor(sent / rooms.length) % job.senders
      rooms[sent % rooms.length]?.[sender]?.send(textOf(sender))
    }
  }, 1)
}

const rooms = await openAll()
await sleep(300)
for (const [i, room] of rooms.entries()) observe(room, i, job.rate === undefined)
const timer = job.rate === undefined ? undefined : startOpenLoop(rooms, job.rate)
if (!timer) {
  for (const room of rooms) {
    for (let i = 0; i < job.inFlight; i++) room[i % job.senders]?.send(textOf(i % job.senders))
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
const began = performance.now()
measuring = true
await sleep(job.measureMs)
measuring = false
const seconds = (performance.now() - began) / 1000
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
  cpu: Number(((used.user + used.system) / 1e6 / seconds).toFixed(2))
}
process.stdout.write(`${JSON.stringify(measured)}\n`)
process.exit(0)
