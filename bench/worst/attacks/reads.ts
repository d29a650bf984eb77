import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, Attacker } from '../attacker.ts'
import type { Person } from '../world.ts'

type Room = 'room900' | 'room1900'

/** Number of read markers in one burst: the limit of an account, minus the ping after them. */
const MARKS = 299
/** Time after which an account may send another burst, in milliseconds. */
const AGAIN_MS = 3100
const GOES = 2
/** The answer after the attack when the server is still overloaded. */
const BUSY = ['503']
/** Minimum number of requests of a flood that must succeed, even on a slow machine. */
const SOME = 50

function peopleOf(room: Room, { crowd }: Attacker['world']): Person[] {
  return room === 'room900' ? crowd.slice(1000) : crowd
}

/** Counts whether the read marker of a person is where it was set. Retries while the server is overloaded. */
async function check(attacker: Attacker, room: Room, person: Person, read_id: number): Promise<void> {
  let answer = await attacker.ask(person, 'GET', `/chats/${attacker.world.chats[room]}`)
  while (answer.status === 503) {
    await sleep(500)
    answer = await attacker.ask(person, 'GET', `/chats/${attacker.world.chats[room]}`)
  }
  attacker.count(JSON.parse(answer.text).read_id === read_id ? 'marked' : 'not marked')
}

function oneMarks(room: Room, size: string): Attack {
  return {
    name: `one member of a room of ${size} sockets marks ${MARKS} messages read at once, twice`,
    expected: { pong: GOES, marked: 1, 200: 1 },
    allowed: BUSY,
    async prepare(attacker) {
      const { world } = attacker
      const people = peopleOf(room, world)
      const sockets = await attacker.sockets(people, world.chats[room])
      return async () => {
        let id = 0
        for (let go = 1; go <= GOES; go++) {
          for (let i = 0; i < MARKS; i++) sockets[1]?.send({ type: 'read', id: ++id })
          sockets[1]?.send({ type: 'ping' })
          await sleep(AGAIN_MS)
        }
        await attacker.until('pong', GOES)
        await check(attacker, room, people[1] as Person, id)
      }
    }
  }
}

function allMark(room: Room, size: string, count: number): Attack {
  return {
    name: `${size} people in one room mark a message read within the same second, twice`,
    expected: { pong: GOES * count, marked: 1, 200: 1 },
    allowed: BUSY,
    async prepare(attacker) {
      const { world } = attacker
      const people = peopleOf(room, world)
      const sockets = await attacker.sockets(people, world.chats[room])
      return async () => {
        for (let go = 1; go <= GOES; go++) {
          await attacker.withinASecond(count, i => {
            sockets[i]?.send({ type: 'read', id: go })
            sockets[i]?.send({ type: 'ping' })
          })
          await attacker.until('pong', go * count)
        }
        await check(attacker, room, people.at(-1) as Person, GOES)
      }
    }
  }
}

function oneMarksOverHttp(room: Room, size: string): Attack {
  return {
    name: `the same over HTTP: one member of a room of ${size} sockets, as fast as allowed`,
    expected: { 200: SOME },
    allowed: ['429'],
    async prepare(attacker) {
      const { world } = attacker
      const people = peopleOf(room, world)
      await attacker.sockets(people, world.chats[room])
      const path = `/chats/${world.chats[room]}/read`
      return () => attacker.flood(32, i => attacker.ask(people[1], 'PUT', path, { id: i + 1 }))
    }
  }
}

function allMarkOverHttp(room: Room, size: string, count: number): Attack {
  return {
    name: `the same over HTTP: ${size} people within the same second, twice`,
    expected: { 200: GOES * count },
    async prepare(attacker) {
      const { world } = attacker
      const people = peopleOf(room, world)
      await attacker.sockets(people, world.chats[room])
      const path = `/chats/${world.chats[room]}/read`
      return async () => {
        for (let id = 1; id <= GOES; id++) {
          await attacker.withinASecond(count, i => attacker.ask(people[i], 'PUT', path, { id }))
        }
      }
    }
  }
}

/** Attacks with read markers. */
export const reads: Attack[] = [
  oneMarks('room900', '900'),
  oneMarks('room1900', '1,900'),
  oneMarksOverHttp('room1900', '1,900'),
  allMark('room900', '900', 900),
  allMark('room1900', '1,900', 1900),
  allMarkOverHttp('room900', '900', 900)
]
