import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dialect, RawClient } from './client.ts'
import { cpuSeconds, residentKB } from './process.ts'

/** The job of a load process: JSON on its standard input. */
export interface Job {
  port: number
  /** The process id of the server. */
  pid: number
  dialect: Dialect
  /** The path and the cookie of each socket, by room. */
  rooms: { path: string; cookie?: string }[][]
  /** Number of sockets of a room that send. */
  senders: number
  /** Number of messages of a room in flight. */
  inFlight: number
  /** Replaces `inFlight`: number of messages in flight over all rooms. The rooms send in turn. */
  inTurn?: number
  /** Replaces `inFlight`: a fixed rate over all rooms, in messages a second. */
  rate?: number
  textBytes: number
  /** How long all sockets are idle after they have opened, in milliseconds. */
  idleMs: number
  warmUpMs: number
  measureMs: number
}

export interface Measured {
  /** Deliveries to sockets a second. */
  deliveries: number
  /** Latency from the send to the observer of the room, in milliseconds. */
  p50: number
  p99: number
  /** Share of a core that this process used. Near 1, the load process was the bottleneck. */
  cpu: number
  /** Messages sent, a second. */
  messages: number
  /** Share of a core that the server used. */
  server: number
  /** The growth of the server's resident memory while the sockets opened, and its size after that, in KB. */
  openedKB: number
  residentKB: number
}

const job: Job = JSON.parse(readFileSync(0, 'utf8'))

/** Number of sockets that open at once. */
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

/** A text of the wanted size that contains the sender and the time. */
function textOf(sender: number): string {
  return `${sender}|${performance.now().toFixed(3)}|${padding}`.slice(0, job.textBytes)
}

const QUOTE_MESSAGE = Buffer.from('"message":"')

/** The last socket of a room is its observer: it receives all messages and makes the senders send the next ones. */
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
/** The bytes of all sockets, and the bytes and messages of the observers. */
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
