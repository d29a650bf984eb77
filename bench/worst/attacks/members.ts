import type { Attack, Attacker } from '../attacker.ts'
import type { Person } from '../world.ts'

/** Opens 1,000 sockets of one account, each for all of its chats. */
async function withManySockets(attacker: Attacker): Promise<Person> {
  const [many] = attacker.world.sessions as [Person]
  await attacker.sockets(Array.from({ length: 1000 }, () => many))
  return many
}

/** Attacks with joins, leaves, roles and new chats with many members. */
export const members: Attack[] = [
  {
    name: 'an account with 1,000 sockets for all chats joins and leaves a public chat as fast as allowed',
    expected: { 200: 20, 204: 20 },
    allowed: ['429'],
    async prepare(attacker) {
      const many = await withManySockets(attacker)
      const chat = `/chats/${attacker.world.chats.open}`
      const leave = () => attacker.ask(many, 'DELETE', `${chat}/members/${many.id}`)
      let inside = false
      return () =>
        attacker.flood(1, async () => {
          const answer = await (inside ? leave() : attacker.ask(many, 'POST', `${chat}/join`))
          if (answer.status !== 429) inside = !inside
          return answer
        })
    }
  },
  {
    name: 'an owner changes the role of a member with 1,000 sockets as fast as allowed',
    expected: { 200: 30 },
    allowed: ['429'],
    async prepare(attacker) {
      const { id } = await withManySockets(attacker)
      const { writer, chats } = attacker.world
      const path = `/chats/${chats.roles}/members/${id}`
      return () => attacker.flood(8, i => attacker.ask(writer, 'PUT', path, { role: i % 2 === 0 ? 'admin' : 'member' }))
    }
  },
  {
    name: 'an account makes chats with 1,000 members, all of them online, as fast as allowed',
    expected: { 201: 10 },
    allowed: ['429'],
    async prepare(attacker) {
      const { crowd, writer } = attacker.world
      const inside = crowd.slice(0, 1000)
      await attacker.sockets(inside)
      const member_ids = inside.map(({ id }) => id)
      return () => attacker.flood(8, () => attacker.ask(writer, 'POST', '/chats', { title: 'All', member_ids }))
    }
  }
]
