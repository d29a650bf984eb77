import { globSync } from 'node:fs'
import { enableCompileCache, registerHooks } from 'node:module'
import { matchesGlob } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'

/**
 * The suites of `npm test`: patterns of the test files that one process runs, without `.test.ts`. A file belongs to the
 * first suite that matches. One process for each file would take longer, because most files run for less time than a
 * process takes to start.
 */
const SUITES: Record<string, string[]> = {
  auth: ['auth/**'],
  // Tests of overload block the event loop, so they run together with tests that start processes.
  process: ['*', 'http/{headers,health}'],
  http: ['http/**'],
  db: ['db/**'],
  docs: ['docs/**', 'scripts/**'],
  'chat-search': ['chat/search*', 'chat/public-chats'],
  'chat-socket': [
    'chat/{back-pressure,clock,connection-lifecycle,delivery,departures,frame-encoder,frame-parser,internals,liveness}',
    'chat/{long-frames,reconnect,scheduler,slow-reader,socket,state,v1}'
  ],
  'chat-log': ['chat/{cache,changes,idempotency,large-rooms,races,resume,slow-storage,storage-failure}'],
  // Tests that mostly wait. In another suite, tests that keep the event loop busy would delay them.
  'chat-waiting': ['chat/{ephemera,ephemeral-state,locked-database}'],
  'chat-routes': ['chat/**']
}

/** Suites whose files run side by side, as do the tests in them, and the number of files at once. */
const PARALLEL: Record<string, number> = { 'chat-waiting': 2 }

/** Files outside `npm test`: they have npm scripts of their own. */
const OTHER_SCRIPTS = ['browser/**', 'faults/**']

/** What the files of this process import from 'tap': the subtest of each, by the URL of the file. */
const subtests = new Map<string, Test>()

/** The test files of each suite, as paths below test/. */
export function filesOfSuites(): Map<string, string[]> {
  const files = globSync('**/*.test.ts', { cwd: import.meta.dirname, exclude: OTHER_SCRIPTS }).sort()
  return Map.groupBy(files, suiteOf)
}

function suiteOf(file: string): string {
  const path = file.replace(/\.test\.ts$/, '')
  const [name] = Object.entries(SUITES).find(([, patterns]) => patterns.some(one => matchesGlob(path, one))) ?? []
  if (name === undefined) throw new Error(`${file} is in no suite: add its folder to SUITES and to test/suites`)
  return name
}

/** Runs the files of a suite in this process. The tests of each file are in a subtest with the name of the file. */
export async function runSuite(name: string): Promise<void> {
  // For this process and those that it starts. The coverage run turns the cache off, because coverage is less exact with it.
  process.env['NODE_COMPILE_CACHE'] ??= `${import.meta.dirname}/../node_modules/.cache/confab`
  enableCompileCache(process.env['NODE_COMPILE_CACHE'])
  giveSubtests()
  const jobs = PARALLEL[name]
  if (jobs) t.jobs = jobs
  for (const file of filesOfSuites().get(name) ?? []) {
    const url = pathToFileURL(`${import.meta.dirname}/${file}`).href
    void t.test(file, { buffered: jobs !== undefined }, async subtest => {
      subtests.set(url, subtest)
      await import(url)
    })
  }
}

/** Lets `import t from 'tap'` in a file of the suite import the subtest of the file instead of the root test. */
function giveSubtests(): void {
  const scheme = 'subtest:'
  registerHooks({
    resolve(specifier, context, next) {
      const { parentURL = '' } = context
      if (specifier !== 'tap' || !subtests.has(parentURL)) return next(specifier, context)
      return { url: scheme + parentURL, format: 'module', shortCircuit: true }
    },
    load(url, context, next) {
      if (!url.startsWith(scheme)) return next(url, context)
      const file = JSON.stringify(url.slice(scheme.length))
      const source = `import { subtestOf } from ${JSON.stringify(import.meta.url)}; export default subtestOf(${file})`
      return { format: 'module', source, shortCircuit: true }
    }
  })
}

/** The subtest of a file that runs. */
export function subtestOf(url: string): Test | undefined {
  return subtests.get(url)
}
