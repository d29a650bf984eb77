import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'

// Opens all sockets of load.json. One member of each chat sends, chat after chat. The others measure the latency.

const text = (value: string) => ({ type: 'string' as const, default: value })
const { values } = parseArgs({
  options: { file: text('load.json'), url: text('ws://127.0.0.1:8000'), rate: text('500'), seconds: text('10') }
})
const rooms: { chat_id: number; cookies: string[] }[] = JSON.parse(readFileSync(values.file, 'utf8'))
const latencies: number[] = []
let refused = 0

function open(chat_id: number, cookie: string): Promise<WebSocket> {
  const socket = new WebSocket(`${values.url}/ws?chat_id=${chat_id}`, { headers: { cookie } })
  socket.on('message', data => {
    const frame = JSON.parse(String(data))
    if (frame.type === 'message') latencies.push(performance.now() - Number(frame.message))
    else refused++
  })
  return new Promise((resolve, reject) => socket.once('open', () => resolve(socket)).on('error', reject))
}

const sockets: WebSocket[][] = []
for (const { chat_id, cookies } of rooms) {
  sockets.push(await Promise.all(cookies.map(cookie => open(chat_id, cookie))))
}
process.stdout.write(`${sockets.flat().length} sockets in ${rooms.length} chats\n`)

const start = performance.now()
const total = Number(values.rate) * Number(values.seconds)
let [sent, expected] = [0, 0]
while (sent < total) {
  const due = Math.min(total, ((performance.now() - start) / 1000) * Number(values.rate))
  for (; sent < due; sent++) {
    const room = sockets[sent % sockets.length] as [WebSocket, ...WebSocket[]]
    room[0].send(JSON.stringify({ message: String(performance.now()) }))
    expected += room.length - 1
  }
  await sleep(1)
}
while (latencies.length < expected && performance.now() - start < Number(values.seconds) * 1000 + 5000) await sleep(1)
const took = (performance.now() - start) / 1000
for (const socket of sockets.flat()) socket.terminate()

latencies.sort((a, b) => a - b)
const at = (share: number) => latencies[Math.floor(latencies.length * share)]?.toFixed(1)
process.stdout.write(
  `${sent} sent, ${latencies.length} of ${expected} deliveries, ${refused} refused: ` +
    `${Math.round(latencies.length / took)} deliveries/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`
)
