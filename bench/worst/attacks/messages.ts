import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack } from '../attacker.ts'
import { EMOJI } from '../world.ts'

/** Two texts of the maximum length. */
const TEXTS = ['a', 'b'].map(letter => letter.repeat(10_000))
/** A frame of nearly the maximum size that is not JSON. */
const MALFORMED = '['.repeat(60_000)
const GOES = 3

/** Attacks with messages, reactions and malformed frames. */
export const messages: Attack[] = [
  {
    name: 'messages of 10,000 characters in a room of 1,900 sockets, as fast as allowed',
    expected: { pong: 1, ack: 300 },
    allowed: ['RATE_LIMITED'],
    async prepare(attacker) {
      const { crowd, chats } = attacker.world
      const [one] = await attacker.sockets(crowd, chats.room1900)
      return async () => one && attacker.paced(one, () => one.send({ type: 'send', message: TEXTS[0] }))
    }
  },
  {
    name: 'edits to 10,000 characters in a room of 1,900 sockets, as fast as allowed',
    expected: { 200: 30 },
    allowed: ['429'],
    async prepare(attacker) {
      const { crowd, chats } = attacker.world
      await attacker.sockets(crowd, chats.room1900)
      const path = `/chats/${chats.room1900}/messages`
      return () =>
        attacker.flood(8, i =>
          attacker.ask(crowd[0], 'PATCH', `${path}/${2 + (i % 8)}`, { message: TEXTS[(i >> 3) % 2] })
        )
    }
  },
  {
    name: 'reactions to a message that has 2,000, in a room of 1,900 sockets, as fast as allowed',
    expected: { 200: 30 },
    allowed: ['429'],
    async prepare(attacker) {
      const { crowd, chats, popular } = attacker.world
      await attacker.sockets(crowd, chats.room1900)
      const path = `/chats/${chats.room1900}/messages/${popular}/reactions`
      return () =>
        attacker.flood(8, i => {
          const emoji = encodeURIComponent(EMOJI[(i >> 1) % EMOJI.length] as string)
          return attacker.ask(crowd[200], i % 2 === 0 ? 'PUT' : 'DELETE', `${path}/${emoji}`)
        })
    }
  },
  {
    name: '1,000 malformed frames of 60 KB at once, three times',
    expected: { ready: GOES, INVALID_JSON: 300 },
    // The server closes the socket because of the flood. Its connection can break while frames are in flight.
    allowed: ['RATE_LIMITED', 'closed 1008', 'closed 1006'],
    prepare: async attacker => async () => {
      const { writer, chats } = attacker.world
      for (let go = 0; go < GOES; go++) {
        const socket = await attacker.socket(writer, chats.open)
        for (let i = 0; i < 1000; i++) socket.send(MALFORMED)
        await sleep(1000)
      }
    }
  }
]
