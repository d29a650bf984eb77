import { readFileSync } from 'node:fs'

// Fails when the coverage of the tests is below this floor, in percent. `npm run test:coverage` runs this script.

const FLOOR = { lines: 99, functions: 98, branches: 97 }

const summary: { total: Record<keyof typeof FLOOR, { pct: number }> } = JSON.parse(
  readFileSync(new URL('../.tap/report/coverage-summary.json', import.meta.url), 'utf8')
)
for (const [what, floor] of Object.entries(FLOOR) as [keyof typeof FLOOR, number][]) {
  const { pct } = summary.total[what]
  const low = pct < floor
  process.stdout.write(`${pct} % of ${what} are covered${low ? `, below the floor of ${floor} %` : ''}\n`)
  if (low) process.exitCode = 1
}
