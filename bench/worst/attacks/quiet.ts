import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack } from '../attacker.ts'

/** The baseline without an attack: the noise of the machine and of the measurement. */
export const quiet: Attack = {
  name: 'quiet: no attack',
  expected: {},
  prepare: async () => () => sleep(4000)
}
