import { globSync } from 'node:fs'

/** As many processes as tests run in: each start of one costs more than most files of tests take. */
const PARTS = 4
const SUITES_OF_THEIR_OWN = ['browser/**', 'faults/**']

/** Runs every file of tests whose turn it is, in this process. */
export async function runPart(part: number): Promise<void> {
  const files = globSync('**/*.test.ts', { cwd: import.meta.dirname, exclude: SUITES_OF_THEIR_OWN }).sort()
  for (let i = part; i < files.length; i += PARTS) await import(`./${files[i]}`)
}
