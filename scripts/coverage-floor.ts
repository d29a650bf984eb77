import { readFileSync } from 'node:fs'

// Fails when the tests cover less than this of the code, in percent. Run by `npm run test:coverage`.

const FLOOR = { lines: 99, functions: 98, branches: 97 }

const summary: { total: Record<keyof typeof FLOOR, { pct: number }> } = JSON.parse(
  readFileSync(new URL('../.tap/report/coverage-summary.json', import.meta.url), 'utf8')
)
for (const [what, floor] of Object.entries(FLOOR) as [keyof typeof FLOOR, number][]) {
  const { pct } = summary.total[what]
  const low = pct < floor
  process.stdout.write(`${pct} % of ${what} are covered${low ? `: less than ${floor} %` : ''}\n`)
  if (low) process.exitCode = 1
}
