import type { Shape } from './servers.ts'

/**
 * How senders send. In both modes a sender sends again when the last socket of its room has received its message.
 *
 * `pipelined`: few sockets of a room send, each with many messages in flight, so that many frames arrive in one TCP
 * read. It shows the maximum throughput of a server.
 *
 * `single`: many sockets of a room send, each with one message in flight. A server never finds two frames in one read:
 * every message needs its own read and write, as with many people, or with a load generator with one virtual user a
 * socket. (At a fixed rate, the senders take turns in both modes.)
 */
export const MODES = ['pipelined', 'single'] as const
export type Mode = (typeof MODES)[number]

interface Row extends Omit<Shape, 'inFlight'> {
  /** Number of messages of a room in flight, in the mode `pipelined`. */
  inFlight: number
  /** Number of senders of a room in the mode `single`, which is also its number of messages in flight. */
  single: number
}

/**
 * `pipelined` keeps 4,000 to 64,000 deliveries in flight over all rooms (128,000 in the room of 2,000, whose senders
 * are those of the room of 1,000). In `single`, all sockets but the last of a room send, 64 of a large room, 16 of a
 * room of 50: more of them would only make each message wait longer behind the others.
 */
const ROWS: Record<string, Row> = {
  'one room of 100': { rooms: 1, sockets: 100, senders: 4, inFlight: 256, single: 99 },
  'one room of 1000': { rooms: 1, sockets: 1000, senders: 4, inFlight: 64, single: 64 },
  '100 rooms of 10': { rooms: 100, sockets: 10, senders: 2, inFlight: 16, single: 9 },
  '1000 rooms of 2': { rooms: 1000, sockets: 2, senders: 1, inFlight: 4, single: 1 },
  'one room of 2000': { rooms: 1, sockets: 2000, senders: 4, inFlight: 64, single: 64 },
  '300 rooms of 3': { rooms: 300, sockets: 3, senders: 2, inFlight: 8, single: 2 },
  '20 rooms of 50': { rooms: 20, sockets: 50, senders: 4, inFlight: 32, single: 16 }
}

/** The number of rows of --quick, which takes about a minute. */
const QUICK = 4

/** Returns the rows whose name contains `only`. Without `only`: all, or the first few with `quick`. Throws if none. */
export function rowsOf(mode: Mode, only: string | undefined, quick: boolean): [string, Shape][] {
  const all = Object.entries(ROWS)
  const chosen = only ? all.filter(([name]) => name.includes(only)) : all.slice(0, quick ? QUICK : all.length)
  if (chosen.length === 0) throw new Error(`--only takes a part of one of: ${Object.keys(ROWS).join(', ')}`)
  return chosen.map(([name, { single, ...shape }]) => [
    name,
    mode === 'single' ? { ...shape, senders: single, inFlight: single } : shape
  ])
}

export function modeOf(text: string): Mode {
  const mode = MODES.find(name => name === text)
  if (!mode) throw new Error(`--mode takes one of: ${MODES.join(', ')}`)
  return mode
}
