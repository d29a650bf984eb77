import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from './client.ts'
import type { Job } from './load.ts'

/** The job of a process that only opens sockets: JSON on its standard input. */
export interface Opening extends Pick<Job, 'port' | 'dialect' | 'rooms'> {
  /** The local loopback address. Each address has its own ports: with few free ports, the kernel searches for long. */
  from?: string
  /** Number of upgrades at once. */
  atOnce: number
  /** How long the sockets stay open and idle, in milliseconds. */
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
