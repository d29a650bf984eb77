import { globSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

/** As many processes as tests run in: each start of one costs more than most files of tests take. */
const PARTS = 4
const SUITES_OF_THEIR_OWN = ['browser/**', 'faults/**']

// For this process and those that it starts. Coverage turns it off, because it would be less exact.
process.env['NODE_COMPILE_CACHE'] ??= `${import.meta.dirname}/../node_modules/.cache/confab`
enableCompileCache(process.env['NODE_COMPILE_CACHE'])

/** Runs every file of tests whose turn it is, in this process. Dealt out by length, for parts that take about as long. */
export async function runPart(part: number): Promise<void> {
  const length = (file: string) => statSync(`${import.meta.dirname}/${file}`).size
  const files = globSync('**/*.test.ts', { cwd: import.meta.dirname, exclude: SUITES_OF_THEIR_OWN })
  files.sort((a, b) => length(b) - length(a) || (a < b ? -1 : 1))
  // To and fro, so that no part has the longest of every round.
  const dealt = (i: number) => (Math.floor(i / PARTS) % 2 === 0 ? i % PARTS : PARTS - 1 - (i % PARTS))
  for (const [i, file] of files.entries()) if (dealt(i) === part) await import(`./${file}`)
}
