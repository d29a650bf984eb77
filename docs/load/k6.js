// @ts-nocheck

import { SharedArray } from 'k6/data'
import exec from 'k6/execution'
import { Counter, Trend } from 'k6/metrics'
import { WebSocket } from 'k6/websockets'

// One virtual user for each socket of load.json: it receives the messages of its chat, and sends one every few seconds.

const url = __ENV.URL || 'ws://127.0.0.1:8000'
const seconds = Number(__ENV.SECONDS || 10)
const everyMs = Number(__ENV.EVERY_MS || 2000)
// k6 resolves the path relative to this script; an absolute path always works.
const sockets = new SharedArray('sockets', () =>
  JSON.parse(open(__ENV.FILE || '../../load.json')).flatMap(({ chat_id, cookies }) =>
    cookies.map(cookie => ({ chat_id, cookie }))
  )
)
const broadcast = new Trend('broadcast_ms', true)
const refused = new Counter('refused')

export const options = {
  scenarios: {
    chat: { executor: 'per-vu-iterations', vus: Number(__ENV.VUS || sockets.length), iterations: 1, maxDuration: '10m' }
  },
  thresholds: { refused: ['count==0'], broadcast_ms: ['p(99)<1000'] }
}

export default function () {
  const { chat_id, cookie } = sockets[(exec.vu.idInTest - 1) % sockets.length]
  const socket = new WebSocket(`${url}/ws?chat_id=${chat_id}`, null, {
    headers: { Cookie: cookie },
    tags: { name: 'ws' }
  })
  let sending
  socket.onopen = () => {
    // Jitter: the users do not all send at the same moment.
    setTimeout(() => {
      sending = setInterval(() => socket.send(JSON.stringify({ message: String(Date.now()) })), everyMs)
    }, Math.random() * everyMs)
    setTimeout(() => {
      clearInterval(sending)
      socket.close()
    }, seconds * 1000)
  }
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data)
    if (frame.type === 'message') broadcast.add(Date.now() - Number(frame.message))
    else refused.add(1)
  }
  socket.onerror = ({ error }) => {
    refused.add(1)
    // biome-ignore lint/suspicious/noConsole: the way to log in a k6 script
    console.error(error)
  }
}
