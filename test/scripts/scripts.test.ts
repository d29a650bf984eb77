import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { old, rowsOf, within } from '../db/old-database.ts'
import { build } from '../helper.ts'
import { run } from './run.ts'

t.test('a backup made while people write is a database, and ends', async t => {
  const server = await build(t, { RATE_LIMITS: 'off' })
  const { id, people } = await server.chat('ann', 'bob')
  const [ann] = people
  const text = 'x'.repeat(5000)
  await server.app.db.log.append(
    Array.from({ length: 2000 }, () => ({ type: 'send', chat_id: id, user: ann.user, text }))
  )
  const socket = await ann.socket(id, { protocol: 'confab.v1' })
  const copy = `${t.testdir({})}/copy.db`
  let said = 0
  const saying = setInterval(() => socket.send({ type: 'send', message: `${++said}` }), 2)
  const { code, stdout, stderr } = await run('db-backup.ts', '/', [copy], server.settings)
  clearInterval(saying)
  t.match([code, stdout, stderr], [0, /^Copied \S+\.db to \S+copy\.db \(1\d\.\d MB\)\n$/, ''])
  t.equal(statSync(copy).mode & 0o777, 0o600)
  t.ok(said > 10, `${said} messages were sent meanwhile`)

  const second = await build(t, { ...server.settings, DATABASE_URL: `sqlite:///${copy}` })
  const again = await second.login('ann')
  const { body } = await again.get(`/chats/${id}`)
  t.ok(body.seq >= 2000 && body.seq <= 2000 + said, `${body.seq} of ${2000 + said}`)
  t.match(await again.post(`/chats/${id}/messages`, { message: 'on' }), { status: 201, body: { id: body.seq + 1 } })
})

t.test('a copy has a history of its own from its first start on', async t => {
  const server = await build(t)
  await server.account('ann')
  const copy = `${t.testdir({})}/copy.db`
  t.match(await run('db-backup.ts', '/', [copy], server.settings), { code: 0 })
  t.strictSame(readdirSync(join(copy, '..')), ['copy.db'])
  const settings = { ...server.settings, DATABASE_URL: `sqlite:///${copy}` }
  const first = await build(t, settings)
  t.match(first.app.db.epoch, /^[\w-]{22}$/)
  t.not(first.app.db.epoch, server.app.db.epoch)
  await first.app.close()
  t.equal((await build(t, settings)).app.db.epoch, first.app.db.epoch)
  await server.app.close()
  t.equal((await build(t, server.settings)).app.db.epoch, server.app.db.epoch, 'the original goes on with its own')
})

t.test('a database of the version before is copied as it is', async t => {
  const file = old(t)
  const copy = `${t.testdir({})}/copy.db`
  t.match(await run('db-backup.ts', '/', [copy], { DATABASE_URL: `sqlite:///${file}` }), { code: 0 })
  t.strictSame(within(copy, rowsOf), within(file, rowsOf))
})

t.test('a backup that cannot be made says why, and leaves what there is', async t => {
  const cwd = t.testdir({ 'there.db': 'mine' })
  const none = { DATABASE_URL: 'sqlite:///none.db' }
  const cases: [string[], RegExp][] = [
    [[], /^db:backup: the name of the copy is missing: npm run db:backup -- copy\.db\n$/],
    [['there.db'], /^db:backup: there\.db exists already\n$/],
    [['copy.db'], /^db:backup: .*none\.db.*\n$/]
  ]
  for (const [args, line] of cases) {
    const { code, stdout, stderr } = await run('db-backup.ts', cwd, args, none)
    t.match([code, stdout, stderr], [1, '', line])
  }
  t.equal(readFileSync(`${cwd}/there.db`, 'utf8'), 'mine')
})

t.test('what is prepared for load tests opens sockets', async t => {
  const cwd = t.testdir({})
  const server = await build(t)
  await server.app.close()
  const args = ['--users', '3', '--chats', '2', '--members', '2', '--messages', '5']
  t.match(await run('load-prepare.ts', cwd, args, server.settings), { code: 0, stdout: /^3 users, 2 chats, 4 lines/ })
  const rooms = JSON.parse(readFileSync(`${cwd}/load.json`, 'utf8'))
  t.equal(readFileSync(`${cwd}/load.csv`, 'utf8').split('\n').length, 1 + 4 + 1)
  const again = await build(t, server.settings)
  for (const { chat_id, cookies } of rooms) {
    const [a, b] = await Promise.all(
      cookies.map((cookie: string) => again.client(cookie, { id: 0, username: '' }).socket(chat_id))
    )
    a.send({ message: 'hello' })
    t.match(await b.next(), { chat_id, id: 6, message: 'hello' })
  }
})

t.test('preparing for load tests says what is wrong in a line', async t => {
  const server = await build(t)
  const cwd = t.testdir({})
  t.match(await run('load-prepare.ts', cwd, ['--help']), { code: 0, stdout: /--members/ })
  const cases: [string[], RegExp][] = [
    [['--users', '0'], /^load:prepare: --users must be an integer of at least 1 \(see --help\)\n$/],
    [[], /^load:prepare: DATABASE_URL: \S+ cannot be opened: another server has it open \(see --help\)\n$/]
  ]
  for (const [args, stderr] of cases) {
    t.match(await run('load-prepare.ts', cwd, args, server.settings), { code: 1, stdout: '', stderr })
  }
})
