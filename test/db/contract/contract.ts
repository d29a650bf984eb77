import type { Test } from 'tap'
import { chatCases } from './chats.ts'
import { Fixture, type OpenStorage } from './fixture.ts'
import { logCases } from './log.ts'
import { memberCases } from './members.ts'
import { messageCases } from './messages.ts'
import { reactionCases } from './reactions.ts'
import { searchCases } from './search.ts'
import { sessionCases } from './sessions.ts'
import { storageCases } from './storage.ts'
import { userCases } from './users.ts'

type Cases = (t: Test, fixture: Fixture) => Promise<void>

const NOUNS: Record<string, Cases> = {
  users: userCases,
  sessions: sessionCases,
  chats: chatCases,
  members: memberCases,
  messages: messageCases,
  reactions: reactionCases,
  log: logCases,
  search: searchCases,
  storage: storageCases
}

/** Tests everything that repositories.ts promises, on a storage of its own for each noun. */
export async function contract(t: Test, name: string, open: OpenStorage): Promise<void> {
  for (const [noun, cases] of Object.entries(NOUNS)) {
    await t.test(`${name}: ${noun}`, async t => cases(t, new Fixture(await open(t))))
  }
}
