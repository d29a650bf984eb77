import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from './client.ts'
import type { Job } from './load.ts'

/** What a process that only opens sockets is told, as JSON on its standard input. */
export interface Opening extends Pick<Job, 'port' | 'dialect' | 'rooms'> {
  /** The loopback address to come from; each has ports of its own. With few left, the kernel looks long for a free one. */
  from?: string
  /** Upgrades under way at a time. */
  atOnce: number
  /** How long the sockets stay open without a word, in milliseconds. */
  idleMs: number
}

const { port, dialect, rooms, from, atOnce, idleMs }: Opening = JSON.parse(readFileSync(0, 'utf8'))
const sockets = rooms.flat()
let next = 0

async function open(): Promise<void> {
  for (let socket = sockets[next++]; socket; socket = sockets[next++]) {
    await RawClient.open(port, socket.path, dialect, socket.cookie, from)
  }
}

const began = performance.now()
await Promise.all(Array.from({ length: atOnce }, open))
const perSecond = Math.round((sockets.length / (performance.now() - began)) * 1000)
process.stdout.write(`${JSON.stringify({ sockets: sockets.length, perSecond })}\n`)
await sleep(idleMs)
process.exit(0)
