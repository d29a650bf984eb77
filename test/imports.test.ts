import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

interface Import {
  /** A file under src, or the name of a package. */
  to: string
  typeOnly: boolean
}

const SRC = fileURLToPath(new URL('../src/', import.meta.url))
const STATEMENT = /^(?:import|export)\s+(?:([\w$*{},\s]*?)\s+from\s+)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'/g

const texts = new Map(
  globSync('**/*.{ts,js}', { cwd: SRC, exclude: ['http/assets/**'] }).map(file => [
    file,
    readFileSync(SRC + file, 'utf8')
  ])
)

function importsOf(file: string, text: string): Import[] {
  const resolve = (to = '') => (to.startsWith('.') ? relative(SRC, join(SRC, dirname(file), to)) : to)
  const statements = [...text.matchAll(STATEMENT)].map(([, names = '', to]) => ({
    to: resolve(to),
    typeOnly: isType(names)
  }))
  return [...statements, ...[...text.matchAll(DYNAMIC)].map(([, to]) => ({ to: resolve(to), typeOnly: false }))]
}

/** `type X`, or `{ type X, type Y }`. */
function isType(names: string): boolean {
  if (names.startsWith('type ')) return true
  const listed = /^\{([^}]*)\}$/.exec(names)?.[1]?.split(',')
  return listed?.every(name => !name.trim() || name.trim().startsWith('type ')) ?? false
}

const imports = new Map([...texts].map(([file, text]) => [file, importsOf(file, text)]))

/** Every import of which `wrong` is true, as `file -> file`. */
function offending(wrong: (from: string, made: Import) => boolean): string[] {
  return [...imports].flatMap(([from, all]) =>
    all.filter(made => wrong(from, made)).map(({ to }) => `${from} -> ${to}`)
  )
}

/** `schemas` for schemas/chat.ts, `app` for app.ts. */
const partOf = (file: string) => file.split(/[/.]/)[0] ?? ''

/** What each part may import of the others. */
const BELOW: Record<string, string[]> = {
  schemas: ['errors'],
  config: ['env-file', 'validation'],
  'env-file': [],
  errors: [],
  'lru-cache': [],
  'time-slice': [],
  'fair-turns': [],
  'json-object': [],
  validation: ['errors', 'json-object'],
  'node-version': []
}
const ground = Object.keys(BELOW)
for (const part of ['db', 'bus']) BELOW[part] = ground
for (const part of ['auth', 'chat', 'http']) BELOW[part] = [...ground, 'db', 'bus']
BELOW['app'] = [...ground, 'db', 'bus', 'auth', 'chat', 'http']
BELOW['main'] = [...BELOW['app'], 'app']

t.test('the imports of every file are found', async t => {
  t.ok(texts.size > 30)
  const relativeImports = [...imports].flatMap(([, all]) => all).filter(({ to }) => /\.[tj]s$/.test(to))
  t.ok(relativeImports.length > 100)
  t.strictSame(
    relativeImports.filter(({ to }) => !texts.has(to)),
    []
  )
  for (const [file, text] of texts) {
    const lines = text.match(/^import\b|^export .* from '|\bimport\(/gm) ?? []
    t.equal(imports.get(file)?.length, lines.length, file)
  }
})

t.test('every part of the server has its place in the order of imports', async t => {
  t.strictSame(
    [...texts.keys()].filter(file => !BELOW[partOf(file)]),
    []
  )
})

t.test('imports go one way: ground, then db and bus, then auth, chat and http, then app, then main', async t => {
  const peers = ['auth', 'chat', 'http']
  const wrong = offending((from, { to, typeOnly }) => {
    if (!texts.has(to) || partOf(from) === partOf(to)) return false
    if (typeOnly && peers.includes(partOf(from)) && peers.includes(partOf(to))) return false
    return !BELOW[partOf(from)]?.includes(partOf(to))
  })
  t.strictSame(wrong, [])
})

/** The files that import each other by way of these imports: groups of files, sorted. */
function cycles(counts: (made: Import) => boolean): string[][] {
  const reached = new Map([...texts.keys()].map(file => [file, reachable(file, counts)]))
  const groups = [...texts.keys()].map(file =>
    [...texts.keys()].filter(other => reached.get(file)?.has(other) && reached.get(other)?.has(file)).sort()
  )
  return [...new Set(groups.filter(group => group.length > 0).map(group => group.join()))].map(group =>
    group.split(',')
  )
}

/** Every file that a file imports, directly or by way of others. */
function reachable(from: string, counts: (made: Import) => boolean): Set<string> {
  const found = new Set<string>()
  const queue = [from]
  for (const file of queue) {
    for (const made of imports.get(file) ?? []) {
      if (!counts(made) || found.has(made.to)) continue
      found.add(made.to)
      queue.push(made.to)
    }
  }
  return found
}

t.test('no file imports itself by way of others', async t => {
  t.strictSame(
    cycles(({ typeOnly }) => !typeOnly),
    []
  )
})

t.test('with type imports, only a cursor and its room import each other', async t => {
  t.strictSame(
    cycles(() => true),
    [['chat/delivery/cursor.ts', 'chat/delivery/room.ts']]
  )
})

/**
 * The parts of chat/, from top to bottom: each may import the parts after it, types included. So a client's frame goes
 * down from its action to the log, and a committed batch goes down from the log to the sockets.
 */
const CHAT_ORDER = [
  'plugin',
  'shutdown',
  'routes',
  'services',
  'access',
  'actions',
  'log',
  'delivery',
  'ephemeral',
  'socket'
]

t.test('in chat/, imports go down only: routes, actions, log, delivery, ephemeral, socket', async t => {
  const placeOf = (file: string) => CHAT_ORDER.indexOf(file.split(/[/.]/)[1] ?? '')
  const chat = (file: string) => partOf(file) === 'chat'
  t.strictSame(
    [...texts.keys()].filter(file => chat(file) && placeOf(file) < 0),
    []
  )
  const unused = CHAT_ORDER.filter(
    part => ![...texts.keys()].some(file => chat(file) && file.split(/[/.]/)[1] === part)
  )
  t.strictSame(unused, [])
  t.strictSame(
    offending((from, { to }) => chat(from) && chat(to) && placeOf(to) < placeOf(from)),
    []
  )
})

t.test('only db/sqlite/ knows SQLite', async t => {
  const database = /^(drizzle-|better-sqlite3|pg$|pg\/)/
  t.strictSame(
    offending((from, { to }) => database.test(to) && !from.startsWith('db/sqlite/')),
    []
  )
})

t.test('only chat/socket/connection.ts holds WebSockets', async t => {
  t.strictSame(
    offending((from, { to, typeOnly }) => to === 'ws' && !typeOnly && from !== 'chat/socket/connection.ts'),
    []
  )
})

t.test('only config.ts reads the environment', async t => {
  const readers = [...texts].filter(([, text]) => /process\s*\.\s*env\b|\benv\b.*from 'node:process'/.test(text))
  t.strictSame(
    readers.map(([file]) => file),
    ['config.ts']
  )
})

t.test('no file is longer than 250 lines', async t => {
  const long = [...texts].filter(([, text]) => text.trimEnd().split('\n').length > 250)
  t.strictSame(
    long.map(([file]) => file),
    []
  )
})

t.test('within db/, the plugin imports the cache and the databases, which import what they share', async t => {
  const layer = (file: string) =>
    file === 'db/plugin.ts' ? 'plugin' : (/^db\/(cache|sqlite)\//.exec(file)?.[1] ?? 'shared')
  const below: Record<string, string[]> = {
    plugin: ['cache', 'sqlite', 'shared'],
    cache: ['cache', 'shared'],
    sqlite: ['sqlite', 'shared'],
    shared: ['shared']
  }
  const inDb = (file: string) => file.startsWith('db/')
  t.strictSame(
    offending((from, { to }) => inDb(from) && inDb(to) && !below[layer(from)]?.includes(layer(to))),
    []
  )
})

t.test('other parts import the interface of db/, and nothing of a database', async t => {
  t.strictSame(
    offending((from, { to }) => partOf(from) !== 'db' && /^db\/(cache|sqlite|search)\//.test(to)),
    []
  )
})
