import { readFileSync } from 'node:fs'
import { WebSocket } from 'ws'

// Measures the time of each kind of request in milliseconds: one client, one chat, one request at a time.

/** The job of this process: JSON on its standard input. */
export interface Probe {
  port: number
  chat_id: number
  cookie: string
  /** Number of requests of each kind, and the maximum time for them. */
  times: number
  mostMs: number
}

/** The median time of each kind, in milliseconds. */
export interface Probed {
  latestPage: number
  middlePage: number
  upgrade: number
  resume: number
  send: number
}

const { port, chat_id, cookie, times, mostMs }: Probe = JSON.parse(readFileSync(0, 'utf8'))
const headers = { cookie }
/** Number of messages that a resuming client has missed. */
const MISSED = 100

async function get(path: string): Promise<unknown> {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`)
  return reply.json()
}

/** Opens a socket. Resolves when a frame of this type has arrived. */
function open(query: string, until: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?chat_id=${chat_id}${query}`, 'confab.v1', { headers })
    socket.once('error', reject)
    socket.on('message', data => JSON.parse(String(data)).type === until && resolve(socket))
  })
}

/** The first tenth is a warm-up, in which the server and this client compile code. */
async function medianOf(one: () => Promise<void>): Promise<number> {
  const taken: number[] = []
  const began = performance.now()
  while (taken.length < times && performance.now() - began < mostMs) {
    const start = performance.now()
    await one()
    taken.push(performance.now() - start)
  }
  const counted = taken.slice(Math.floor(taken.length / 10)).sort((a, b) => a - b)
  return Number((counted[Math.floor(counted.length / 2)] as number).toFixed(3))
}

const head = async () => ((await get(`/chats/${chat_id}`)) as { seq: number }).seq
const seq = await head()
const history = `/chats/${chat_id}/messages?limit=50`
const latestPage = await medianOf(async () => void (await get(history)))
const middlePage = await medianOf(async () => void (await get(`${history}&around=${Math.floor(seq / 2)}`)))
const upgrade = await medianOf(async () => (await open('', 'ready')).terminate())
const resume = await medianOf(async () => (await open(`&after=${Math.max(0, seq - MISSED)}`, 'live')).terminate())

const sender = await open('', 'ready')
const frame = JSON.stringify({ message: 'The quick brown fox jumps over the lazy dog, then rests a while.' })
const send = await medianOf(
  () =>
    new Promise(resolve => {
      sender.on('message', function hear(data) {
        if (JSON.parse(String(data)).type !== 'ack') return
        sender.off('message', hear)
        resolve()
      })
      sender.send(frame)
    })
)

const probed: Probed = { latestPage, middlePage, upgrade, resume, send }
process.stdout.write(`${JSON.stringify(probed)}\n`)
process.exit(0)
