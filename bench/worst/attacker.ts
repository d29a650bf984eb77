import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Call, httpClient } from './http.ts'
import { Refused, V1Socket } from './socket.ts'
import type { Person, World } from './world.ts'

/** How often each answer came: an HTTP status, the type of a frame, the code of an error, `closed` with a code. */
export type Tally = Record<string, number>

export interface Attack {
  name: string
  /** At least so many of these answers must come: the attack has happened then. */
  expected: Tally
  /** Answers that its limits allow for. Any other is a failure. */
  allowed?: string[]
  /** Opens the sockets; returns what is measured. */
  prepare(attacker: Attacker): Promise<() => Promise<unknown>>
}

/** How long an attack goes on that can be repeated, in seconds. */
const SECONDS = 4
/** Frames of an account at once and a second, just below its limit. */
const BURST = 290
const PER_SECOND = 95
/** Sockets that are opened at a time before an attack. */
const AT_ONCE = 50
/** Frames that are answers. Others come by themselves. */
const ANSWERS = new Set(['ready', 'ack', 'live', 'pong'])

/** One account, or the people of a room, and what is answered to them. */
export class Attacker {
  readonly world: World
  readonly tally: Tally = {}
  readonly #port: number
  readonly #ask: (call: Call) => Promise<Answer>
  #counted = () => {}

  constructor(port: number, world: World) {
    this.#port = port
    this.world = world
    this.#ask = httpClient(port)
  }

  count(answer: string): void {
    this.tally[answer] = (this.tally[answer] ?? 0) + 1
    this.#counted()
  }

  /** What was answered until now does not count. */
  forget(): void {
    for (const answer of Object.keys(this.tally)) delete this.tally[answer]
  }

  /** Resolves when there were so many of this answer. */
  until(answer: string, count: number): Promise<void> {
    return new Promise(resolve => {
      this.#counted = () => {
        if ((this.tally[answer] ?? 0) >= count) resolve()
      }
      this.#counted()
    })
  }

  /** A socket of a person: for one chat, or for all of theirs. */
  socket({ cookie }: Person, chat_id?: number, after?: number): Promise<V1Socket> {
    const query = chat_id === undefined ? '' : `?chat_id=${chat_id}${after === undefined ? '' : `&after=${after}`}`
    return V1Socket.open(this.#port, query, cookie, {
      onFrame: (type, payload) => {
        if (type === 'error') this.count(JSON.parse(payload.toString()).code)
        else if (ANSWERS.has(type)) this.count(type)
      },
      onClose: code => this.count(`closed ${code}`)
    })
  }

  /** A socket of each, before the attack. */
  async sockets(people: Person[], chat_id?: number): Promise<V1Socket[]> {
    const all: V1Socket[] = []
    for (let i = 0; i < people.length; i += AT_ONCE) {
      const some = people.slice(i, i + AT_ONCE).map(person => this.reconnect(person, chat_id))
      all.push(...(await Promise.all(some)))
    }
    return all
  }

  /** Sends a request and counts the status of its answer. */
  async ask(person: Person | undefined, method: string, path: string, body?: object): Promise<Answer> {
    const answer = await this.#ask({ method, path, ...(person && { cookie: person.cookie }), ...(body && { body }) })
    this.count(String(answer.status))
    return answer
  }

  /** Sends requests for some seconds, so many at once, the next ones when its limit allows them. */
  async flood(atOnce: number, ask: (i: number) => Promise<Answer>): Promise<void> {
    const end = performance.now() + SECONDS * 1000
    let next = 0
    const lane = async () => {
      while (performance.now() < end) {
        const { status, retryAfter } = await ask(next++)
        if (status === 429) await sleep(Math.min((retryAfter ?? 1) * 1000, Math.max(0, end - performance.now())))
      }
    }
    await Promise.all(Array.from({ length: atOnce }, lane))
  }

  /** Sends frames for some seconds, as many as the limit of one account allows: many at once, then at its rate. */
  async paced(socket: V1Socket, send: (i: number) => void): Promise<void> {
    const began = performance.now()
    let sent = 0
    for (let seconds = 0; seconds < SECONDS; seconds = (performance.now() - began) / 1000) {
      for (const due = BURST + seconds * PER_SECOND; sent < due; ) send(sent++)
      await sleep(10)
    }
    // Frames are read in order: the answer to this one says that the others were read.
    socket.send({ type: 'ping' })
    await this.until('pong', 1)
  }

  /** Calls each of these at some moment of the next second. */
  async withinASecond(count: number, act: (i: number) => unknown): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        await sleep(Math.random() * 1000)
        await act(i)
      })
    )
  }

  /** Opens a socket; refused because the server cannot keep up, it tries again as a client does. */
  async reconnect(person: Person, chat_id?: number): Promise<V1Socket> {
    for (;;) {
      try {
        return await this.socket(person, chat_id)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        this.count(`refused ${error.status}`)
        if (error.status !== 503) throw error
        await sleep(500 + Math.random() * 500)
      }
    }
  }
}
