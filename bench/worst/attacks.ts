import type { Attack } from './attacker.ts'
import { accounts } from './attacks/accounts.ts'
import { lists } from './attacks/lists.ts'
import { members } from './attacks/members.ts'
import { messages } from './attacks/messages.ts'
import { newcomers } from './attacks/newcomers.ts'
import { quiet } from './attacks/quiet.ts'
import { reads } from './attacks/reads.ts'
import { resumes } from './attacks/resumes.ts'
import { rooms } from './attacks/rooms.ts'
import { searches } from './attacks/searches.ts'

/** All attacks, in the order of the table. */
export const attacks: Attack[] = [
  quiet,
  ...reads,
  ...rooms,
  ...members,
  ...accounts,
  ...newcomers,
  ...searches,
  ...lists,
  ...resumes,
  ...messages
]
