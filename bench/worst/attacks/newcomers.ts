import type { Attack, Attacker } from '../attacker.ts'
import type { Person } from '../world.ts'

const MANY = 1000
/** Number of frames at once: just below the limit of an account. */
const RESUMES = 290

/** Opens a socket for all chats and resumes each of them from the message before its latest one. */
async function comeBack(attacker: Attacker, person: Person): Promise<void> {
  const socket = await attacker.reconnect(person)
  const heads: { chat_id: number; seq: number }[] = JSON.parse(socket.ready).chats
  socket.send({ type: 'resume', chats: heads.map(({ chat_id, seq }) => ({ chat_id, after: seq - 1 })) })
}

/** Attacks with many sockets that open at once. */
export const newcomers: Attack[] = [
  {
    name: '1,000 people open a socket in one room at once',
    expected: { ready: MANY },
    allowed: ['refused 503'],
    async prepare(attacker) {
      const { crowd, chats } = attacker.world
      return () => Promise.all(crowd.slice(0, MANY).map(one => attacker.reconnect(one, chats.room1900)))
    }
  },
  {
    name: 'an account with 200 chats reconnects 1,000 sockets at once and resumes all chats',
    expected: { ready: MANY, live: RESUMES * 200 },
    // The sockets share the rate limit of the account, so most of them get RATE_LIMITED.
    allowed: ['refused 503', 'RATE_LIMITED'],
    async prepare(attacker) {
      const one = attacker.world.with200
      return async () => {
        await Promise.all(Array.from({ length: MANY }, () => comeBack(attacker, one)))
        await attacker.until('live', RESUMES * 200)
      }
    }
  },
  {
    name: '1,000 accounts with 50 chats each reconnect at once and resume all chats',
    expected: { ready: MANY, live: MANY * 50 },
    allowed: ['refused 503'],
    async prepare(attacker) {
      const people = attacker.world.crowd.slice(0, MANY)
      return async () => {
        await Promise.all(people.map(one => comeBack(attacker, one)))
        await attacker.until('live', MANY * 50)
      }
    }
  }
]
