import type { Attack, Attacker } from '../attacker.ts'
import type { Person, World } from '../world.ts'

/** Returns the paths of all pages of a list. */
async function pagesOf(attacker: Attacker, person: Person, path: string): Promise<string[]> {
  const paths: string[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    paths.push(next)
    const { text } = await attacker.ask(person, 'GET', next)
    const { next_cursor } = JSON.parse(text)
    next = next_cursor && `${path}&cursor=${encodeURIComponent(next_cursor)}`
  }
  return paths
}

/** One account requests these paths in turn, 8 in parallel. */
function list(name: string, paths: (attacker: Attacker) => Promise<[Person, string[]]>): Attack {
  return {
    name: `${name}, 8 at once`,
    expected: { 200: 8 },
    async prepare(attacker) {
      const [person, all] = await paths(attacker)
      return () => attacker.flood(8, i => attacker.ask(person, 'GET', all[i % all.length] as string))
    }
  }
}

const inChat = (chat: keyof World['chats'], rest: (from: number) => string, pages: number) => async (one: Attacker) => {
  const { writer, chats } = one.world
  const paths = Array.from({ length: pages }, (_, i) => `/chats/${chats[chat]}/${rest(i)}`)
  return [writer, paths] as [Person, string[]]
}

/** Attacks with requests that have large answers and no rate limit. */
export const lists: Attack[] = [
  list('GET /auth/sessions with 10,000 sessions', async ({ world }) => [
    world.sessions[0] as Person,
    ['/auth/sessions']
  ]),
  list('GET /chats?limit=200 with 1,000 chats, page by page', async attacker => {
    const { with1000 } = attacker.world
    return [with1000, await pagesOf(attacker, with1000, '/chats?limit=200')]
  }),
  list('members of a room of 1,900, limit=200, page by page', async attacker => {
    const { crowd, chats } = attacker.world
    const person = crowd[0] as Person
    return [person, await pagesOf(attacker, person, `/chats/${chats.room1900}/members?limit=200`)]
  }),
  list(
    'changes of a chat, after=0&limit=500',
    inChat('backlog', () => 'changes?after=0&limit=500', 1)
  ),
  list(
    'changes of a chat, limit=500, texts of 10,000 control characters',
    inChat('controls', () => 'changes?after=0&limit=500', 1)
  ),
  list(
    'history of a chat, limit=200, texts of 10,000 control characters',
    inChat('controls', i => `messages?limit=200&before=${201 + i}`, 300)
  )
]
