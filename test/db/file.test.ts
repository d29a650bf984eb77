import { linkSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { acquireLock } from '../../src/db/sqlite/file.ts'
import { build } from '../helper.ts'
import { drizzleKit } from './kit.ts'

t.test('one server at a time has a database, whatever name it knows it by', async t => {
  const directory = t.testdir({})
  const file = join(directory, 'chat.db')
  mkdirSync(join(directory, 'data'))
  symlinkSync(file, join(directory, 'link.db'))
  symlinkSync(directory, join(directory, 'data/up'))
  symlinkSync(join(directory, 'data/new.db'), join(directory, 'later.db'))
  const server = await build(t, { DATABASE_URL: `sqlite:///${file}` })
  const names = [file, 'link.db', './chat.db', 'data/../chat.db', 'data/up/chat.db', 'data/up/link.db']
  for (const name of names.map(name => (name === file ? name : `${directory}/${name}`))) {
    t.throws(() => acquireLock(name), { message: /another server has it open/ }, name)
    const start = build(t, { DATABASE_URL: `sqlite:///${name} ` })
    await t.rejects(start, { message: /another server has it open/ }, `${name} with a blank at its end`)
  }
  await server.app.close()
  const first = acquireLock(join(directory, 'later.db'))
  t.throws(() => acquireLock(join(directory, 'data/new.db')), { message: /another server/ })
  first.release()
  acquireLock(join(directory, 'data/new.db')).release()
})

t.test('a file with two names is refused', async t => {
  const directory = t.testdir({ 'chat.db': '' })
  linkSync(join(directory, 'chat.db'), join(directory, 'other.db'))
  for (const name of ['chat.db', 'other.db']) {
    t.throws(() => acquireLock(join(directory, name)), { message: /more than one name/ })
  }
})

t.test('every file that is made is for its user alone', async t => {
  const modes = (directory: string) =>
    readdirSync(directory).map(name => [name, (statSync(join(directory, name)).mode & 0o777).toString(8)])
  for (const command of ['migrate', 'push']) {
    const directory = t.testdir({})
    const DATABASE_URL = `sqlite:///${directory}/chat.db`
    const args = command === 'push' ? ['push', '--force'] : [command]
    t.match(await drizzleKit(args, { DATABASE_URL }), { status: 0 })
    t.strictSame(modes(directory), [['chat.db', '600']], command)
    const server = await build(t, { DATABASE_URL })
    await server.account('ann')
    t.strictSame([...new Set(modes(directory).map(([, mode]) => mode))], ['600'], 'beside it, too')
    await server.app.close()
  }
})

t.test('a database that others can read is told of at each start', async t => {
  const file = join(t.testdir({}), 'chat.db')
  writeFileSync(file, '', { mode: 0o644 })
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  await build(t, { DATABASE_URL: `sqlite:///${file}` }, { level: 'warn', stream })
  t.match(
    lines.map(line => JSON.parse(line).msg),
    [`Other users of this machine can read ${file}: chmod 600 it`]
  )
})
