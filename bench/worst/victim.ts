import { mainThreadMs } from '../process.ts'
import { httpClient } from './http.ts'
import { V1Socket } from './socket.ts'
import type { Person } from './world.ts'

// A process of its own: people in a chat that has nothing to do with the attack. They say how long their pings wait.

/** What this process is told first, with `chat_id` the chat of these people; then `begin` and `end`, each time. */
export interface Start {
  port: number
  /** The process of the server. */
  pid: number
  chat_id: number
  people: Person[]
}

/** How long was waited between `begin` and `end`, in milliseconds. */
export interface Waits {
  /** Of pings over the socket. */
  longest: number
  p99: number
  /** The longest wait for GET /health/live. */
  live: number
  /**
   * The most processor time that the event loop of the server took between a ping and its answer. The rest of a wait is
   * the network, the client, and other processes that had the core of the server: the noise of a shared machine.
   */
  worked: number
  /** How late this process itself was at most: a wait of that length may be its own. */
  late: number
}

/** A ping is due so often, and a request for /health/live, in milliseconds. */
const PING_MS = 5
const LIVE_MS = 20
/** Unanswered pings of a socket. Later ones are due, but not sent: all at once, they would be more than the limit. */
const UNANSWERED = 100

/** When a ping was due, and how much the server had worked by then. */
interface Due {
  at: number
  work: number
}

interface Pinging {
  socket: V1Socket
  /** The pings that are unanswered: first those that are on their way, then those that are held back. */
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
  // With the last one that was on its way, those that were held back are no longer due.
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

/** In turn, so that none of them is over the limit of an account. */
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

/** What is still unanswered has waited until now. */
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
