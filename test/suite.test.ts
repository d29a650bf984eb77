import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { filesOfSuites } from './suite.ts'

t.test('every test file is in a suite, and every suite is run', async t => {
  const folder = `${import.meta.dirname}/suites`
  const run = readdirSync(folder).map(file => {
    const [, name] = /runSuite\('([\w-]+)'\)/.exec(readFileSync(`${folder}/${file}`, 'utf8')) ?? []
    t.equal(`${name}.ts`, file)
    return name
  })
  t.strictSame(run.sort(), [...filesOfSuites().keys()].sort())
})
