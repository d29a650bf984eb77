import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Call, httpClient } from './http.ts'
import { Refused, V1Socket } from './socket.ts'
import type { Person, World } from './world.ts'

/** Counts of answers by kind: an HTTP status, the type of a frame, the code of an error, or `closed` with a code. */
export type Tally = Record<string, number>

export interface Attack {
  name: string
  /** The minimum counts of answers that prove that the attack has happened. */
  expected: Tally
  /** Answers that limits can cause. All other answers are failures. */
  allowed?: string[]
  /** Opens the sockets. Returns the function to measure. */
  prepare(attacker: Attacker): Promise<() => Promise<unknown>>
}

/** Duration of an attack that repeats its requests or frames, in seconds. */
const SECONDS = 4
/** Frames of an account, at once and a second: just below its limit. */
const BURST = 290
const PER_SECOND = 95
/** Number of sockets that open at once before an attack. */
const AT_ONCE = 50
/** Types of frames that are answers. The server sends all other frames by itself. */
const ANSWERS = new Set(['ready', 'ack', 'live', 'pong'])

/** One account, or the members of a room, and the counts of their answers. */
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

  /** Sets all counts to zero. */
  forget(): void {
    for (const answer of Object.keys(this.tally)) delete this.tally[answer]
  }

  /** Resolves when the count of this answer has reached `count`. */
  until(answer: string, count: number): Promise<void> {
    return new Promise(resolve => {
      this.#counted = () => {
        if ((this.tally[answer] ?? 0) >= count) resolve()
      }
      this.#counted()
    })
  }

  /** Opens a socket of a person: for one chat, or for all of their chats. */
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

  /** Opens a socket of each person, before the attack. */
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

  /** Sends requests for some seconds: `atOnce` in parallel, and the next ones when the limit of the account allows. */
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

  /** Sends frames for some seconds, as many as the limit of an account allows: a burst, then at the rate of the limit. */
  async paced(socket: V1Socket, send: (i: number) => void): Promise<void> {
    const began = performance.now()
    let sent = 0
    for (let seconds = 0; seconds < SECONDS; seconds = (performance.now() - began) / 1000) {
      for (const due = BURST + seconds * PER_SECOND; sent < due; ) send(sent++)
      await sleep(10)
    }
    // The server reads frames in order. The answer to this one proves that it has read the others.
    socket.send({ type: 'ping' })
    await this.until('pong', 1)
  }

  /** Calls each function at a random time in the next second. */
  async withinASecond(count: number, act: (i: number) => unknown): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        await sleep(Math.random() * 1000)
        await act(i)
      })
    )
  }

  /** Opens a socket. When the server is overloaded, it retries as a client does. */
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
