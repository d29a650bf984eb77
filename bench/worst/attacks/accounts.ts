import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack } from '../attacker.ts'
import { PASSWORD, type Person } from '../world.ts'

const MANY = 1000
/** Number of bursts of 100 logins, and the time between two bursts in milliseconds. */
const LOGINS = { times: 3, gapMs: 1500 }

/** Attacks with sessions and passwords. */
export const accounts: Attack[] = [
  {
    name: 'a session with 1,000 sockets for all chats logs out',
    expected: { 204: 1, 'closed 4401': MANY },
    async prepare(attacker) {
      const [one] = attacker.world.sessions as [Person]
      await attacker.sockets(Array.from({ length: MANY }, () => one))
      return async () => {
        await attacker.ask(one, 'POST', '/auth/logout')
        await attacker.until('closed 4401', MANY)
      }
    }
  },
  {
    name: 'an account with 10,000 sessions, 1,000 of them with a socket, changes its password',
    expected: { 204: 1, 'closed 4401': MANY - 1 },
    async prepare(attacker) {
      const { sessions } = attacker.world
      await attacker.sockets(sessions)
      const body = { current_password: PASSWORD, new_password: 'another password' }
      return async () => {
        await attacker.ask(sessions[0], 'POST', '/auth/password', body)
        await attacker.until('closed 4401', MANY - 1)
      }
    }
  },
  {
    name: '100 wrong logins at once, three times',
    expected: { 401: 30 },
    // 503 when too many logins wait for a hash.
    allowed: ['429', '503'],
    prepare: async attacker => async () => {
      for (let time = 0; time < LOGINS.times; time++) {
        const all = attacker.world.crowd.slice(time * 100, (time + 1) * 100)
        const login = ({ username }: { username: string }) =>
          attacker.ask(undefined, 'POST', '/auth/login', { username, password: 'not this one' })
        await Promise.all(all.map(login))
        await sleep(LOGINS.gapMs)
      }
    }
  }
]
