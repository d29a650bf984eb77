import { globSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

/** As many processes as tests run in: each start of one costs more than most files of tests take. */
const PARTS = 6
const SUITES_OF_THEIR_OWN = ['browser/**', 'faults/**']
/** Tests that mostly wait, side by side: next to others, whatever holds up the event loop would be too late for them. */
const WAITING = ['chat/ephemera.test.ts', 'chat/ephemeral-state.test.ts', 'chat/patience.test.ts']

// For this process and those that it starts. Coverage turns it off, because it would be less exact.
process.env['NODE_COMPILE_CACHE'] ??= `${import.meta.dirname}/../node_modules/.cache/confab`
enableCompileCache(process.env['NODE_COMPILE_CACHE'])

/** Runs the tests that wait, in this process. */
export async function runWaiting(): Promise<void> {
  for (const file of WAITING) await import(`./${file}`)
}

/** Runs every other file of tests whose turn it is, in this process. Dealt out by length, to take about as long. */
export async function runPart(part: number): Promise<void> {
  const length = (file: string) => statSync(`${import.meta.dirname}/${file}`).size
  const files = globSync('**/*.test.ts', { cwd: import.meta.dirname, exclude: [...SUITES_OF_THEIR_OWN, ...WAITING] })
  files.sort((a, b) => length(b) - length(a) || (a < b ? -1 : 1))
  // To and fro, so that no part has the longest of every round.
  const dealt = (i: number) => (Math.floor(i / PARTS) % 2 === 0 ? i % PARTS : PARTS - 1 - (i % PARTS))
  for (const [i, file] of files.entries()) if (dealt(i) === part) await import(`./${file}`)
}
