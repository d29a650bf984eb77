import { mainThreadMs } from '../process.ts'
import { httpClient } from './http.ts'
import { V1Socket } from './socket.ts'
import type { Person } from './world.ts'

// The process of the victims: people in a chat that has no part in the attack. It measures how long their pings wait.

/** The first message to this process, with the `chat_id` of these people. `begin` and `end` follow for each attack. */
export interface Start {
  port: number
  /** The process id of the server. */
  pid: number
  chat_id: number
  people: Person[]
}

/** The waits between `begin` and `end`, in milliseconds. */
export interface Waits {
  /** The waits of pings over the socket. */
  longest: number
  p99: number
  /** The longest wait for GET /health/live. */
  live: number
  /**
   * The maximum processor time of the server's main thread between a ping and its answer. The rest of a wait is due to
   * the network, the client, and other processes on the core of the server: the noise of a shared machine.
   */
  worked: number
  /** The maximum delay of this process itself, which can be a part of the waits. */
  late: number
}

/** The intervals of pings and of requests for /health/live, in milliseconds. */
const PING_MS = 5
const LIVE_MS = 20
/** Maximum number of unanswered pings of a socket. Further pings wait, because a burst would exceed the rate limit. */
const UNANSWERED = 100

/** The time when a ping was due, and the processor time of the server at that time. */
interface Due {
  at: number
  work: number
}

interface Pinging {
  socket: V1Socket
  /** The unanswered pings: first those in flight, then those that wait. */
  due: Due[]
  onTheirWay: number
}

let waits: number[] = []
let worked = 0
let live = 0
let late = 0
let askedAt: number | undefined

function note(pings: Due[], pid: number): void {
  const now = performance.now()
  const work = mainThreadMs(pid)
  for (const due of pings) {
    waits.push(now - due.at)
    worked = Math.max(worked, work - due.work)
  }
}

function answered(one: Pinging, pid: number): void {
  // After the answer to the last ping in flight, the waiting pings are no longer due.
  note(one.due.splice(0, --one.onTheirWay > 0 ? 1 : one.due.length), pid)
}

async function start({ port, pid, chat_id, people }: Start): Promise<Pinging[]> {
  const all: Pinging[] = []
  for (const { cookie } of people) {
    const socket = await V1Socket.open(port, `?chat_id=${chat_id}`, cookie, {
      onFrame(type, payload) {
        if (type === 'pong') answered(one, pid)
        else if (type === 'error') throw new Error(`the victim was refused: ${payload}`)
      },
      onClose(code) {
        throw new Error(`the socket of the victim was closed with ${code}`)
      }
    })
    const one: Pinging = { socket, due: [], onTheirWay: 0 }
    all.push(one)
  }
  const ask = httpClient(port)
  setInterval(() => {
    if (askedAt !== undefined) return
    askedAt = performance.now()
    void ask({ method: 'GET', path: '/health/live' }).then(({ status }) => {
      if (status !== 200) throw new Error(`/health/live answered ${status}`)
      live = Math.max(live, performance.now() - (askedAt as number))
      askedAt = undefined
    })
  }, LIVE_MS)
  ping(all, pid)
  return all
}

/** The people send in turn, so that nobody exceeds the rate limit of an account. */
function ping(all: Pinging[], pid: number): void {
  let turn = 0
  let before = performance.now()
  setInterval(() => {
    const now = performance.now()
    late = Math.max(late, now - before - PING_MS)
    before = now
    const one = all[turn++ % all.length] as Pinging
    one.due.push({ at: now, work: mainThreadMs(pid) })
    if (one.onTheirWay >= UNANSWERED) return
    one.onTheirWay++
    one.socket.send({ type: 'ping' })
  }, PING_MS)
}

function begin(): void {
  waits = []
  worked = 0
  live = 0
  late = 0
}

/** Adds the waits of unanswered pings up to now. */
function end(all: Pinging[], pid: number): Waits {
  for (const { due } of all) note(due, pid)
  const now = performance.now()
  const sorted = waits.toSorted((a, b) => a - b)
  return {
    longest: sorted.at(-1) as number,
    p99: sorted[Math.floor(sorted.length * 0.99)] as number,
    live: Math.max(live, askedAt === undefined ? 0 : now - askedAt),
    worked,
    late
  }
}

let all: Pinging[] = []
let server = 0
process.once('disconnect', () => process.exit())
process.on('message', async (message: Start | 'begin' | 'end') => {
  if (message === 'begin') begin()
  else if (message === 'end') process.send?.(end(all, server))
  else {
    server = message.pid
    all = await start(message)
    process.send?.('ready')
  }
})
