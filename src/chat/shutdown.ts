import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatServices } from './services.ts'
import { CLOSE } from './socket/close-codes.ts'

/** How long frames are still carried out after `bye`, in milliseconds. */
const LAST_FRAMES_MS = 250
/** How long clients have for the closing handshake, in milliseconds. */
const CLOSING_MS = 4000
/** Clients reconnect within a random time (jitter), so that they do not all come at once. In milliseconds. */
const MIN_SPREAD_MS = 500
const SPREAD_PER_SOCKET_MS = 2
const MAX_SPREAD_MS = 20_000

/** Stores and acks the last frames of clients, then closes all sockets. `bye` says when to reconnect. */
export async function shutDown({ log, registry, heartbeat }: ChatServices): Promise<void> {
  const spread = Math.min(MAX_SPREAD_MS, MIN_SPREAD_MS + registry.all.size * SPREAD_PER_SOCKET_MS)
  for (const connection of registry.all) connection.send({ type: 'bye', after_ms: Math.round(Math.random() * spread) })
  if (registry.all.size > 0) await sleep(LAST_FRAMES_MS)
  for (const connection of registry.all) connection.ignoreFrames()
  await log.drained()
  for (const connection of registry.all) connection.close(CLOSE.restart)
  for (const end = Date.now() + CLOSING_MS; registry.all.size > 0 && Date.now() < end; ) await sleep(10)
  for (const connection of registry.all) connection.terminate()
  heartbeat.stop()
}
