import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, Attacker } from '../attacker.ts'

const SIZE = 1900
/** Time between two `typing` frames of one person in milliseconds, as docs/protocol.md asks of clients. */
const TYPING_MS = 3000

function everybody(attacker: Attacker) {
  return attacker.sockets(attacker.world.crowd, attacker.world.chats.room1900)
}

/** Attacks by members, admins and owners of a large room. */
export const rooms: Attack[] = [
  {
    name: 'one member of a room of 1,900 sockets sends `typing` as fast as allowed',
    expected: { pong: 1 },
    allowed: ['RATE_LIMITED'],
    async prepare(attacker) {
      const [, one] = await everybody(attacker)
      return async () => one && attacker.paced(one, () => one.send({ type: 'typing' }))
    }
  },
  {
    name: 'all 1,900 people in a room send `typing` within the same second, twice',
    expected: { pong: 2 * SIZE },
    async prepare(attacker) {
      const sockets = await everybody(attacker)
      return async () => {
        for (let go = 1; go <= 2; go++) {
          await attacker.withinASecond(SIZE, i => {
            sockets[i]?.send({ type: 'typing' })
            sockets[i]?.send({ type: 'ping' })
          })
          await sleep(TYPING_MS)
        }
        await attacker.until('pong', 2 * SIZE)
      }
    }
  },
  {
    name: 'an owner changes title and visibility of a room of 1,900 sockets as fast as allowed',
    expected: { 200: 30 },
    allowed: ['429'],
    async prepare(attacker) {
      const { crowd, chats } = attacker.world
      await everybody(attacker)
      return () =>
        attacker.flood(8, i => {
          const change = { title: `Title ${i}`, visibility: i % 2 === 0 ? 'public' : 'private' }
          return attacker.ask(crowd[0], 'PATCH', `/chats/${chats.room1900}`, change)
        })
    }
  },
  {
    name: 'an owner deletes a room of 1,900 sockets',
    expected: { 204: 1, 'closed 4403': SIZE },
    async prepare(attacker) {
      const { crowd, chats } = attacker.world
      await everybody(attacker)
      return async () => {
        await attacker.ask(crowd[0], 'DELETE', `/chats/${chats.room1900}`)
        await attacker.until('closed 4403', SIZE)
      }
    }
  }
]
