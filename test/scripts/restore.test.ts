import { existsSync, linkSync, readdirSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { build, type Client } from '../helper.ts'
import { run } from './run.ts'

/** A server with a file in a directory of its own, and a function to stop it, restore a copy and start it again. */
async function restorable(t: Test) {
  const directory = t.testdir({})
  const settings = { SECRET_KEY: 'x'.repeat(40), DATABASE_URL: `sqlite:///${directory}/confab.db` }
  const server = await build(t, settings)
  const copy = join(directory, 'copy.db')
  const backup = () => run('db-backup.ts', '/', [copy], settings)
  const restore = () => run('db-restore.ts', '/', [copy], settings)
  return { directory, settings, server, copy, backup, restore, again: () => build(t, settings) }
}

/** What a careful client does with a reply of `changes`: it starts anew when the epoch is another. */
async function catchUp(
  client: Client,
  path: string,
  state: { epoch: string; after: number; seen: Map<number, string> }
) {
  for (let more = true; more; ) {
    const { body } = await client.get(`${path}/changes?after=${state.after}&limit=30`)
    if (body.epoch !== state.epoch) {
      Object.assign(state, { epoch: body.epoch, after: 0, seen: new Map() })
      continue
    }
    for (const { id, message } of body.items) state.seen.set(id, message)
    state.after = body.seq
    more = body.has_more
  }
}

t.test('a client that saw more than the restored copy has ends with what a new client sees', async t => {
  const { server, backup, restore, again } = await restorable(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const say = (who: Client, from: number, to: number) =>
    who.server.app.db.log.append(
      Array.from({ length: to - from }, (_, i) => ({
        type: 'send' as const,
        chat_id: id,
        user: ann.user,
        text: `${who.server.url} ${from + i + 1}`
      }))
    )
  await say(ann, 0, 80)
  t.match(await backup(), { code: 0 })
  await say(ann, 80, 100)
  const state = { epoch: (await bob.get(path)).body.epoch, after: 0, seen: new Map<number, string>() }
  await catchUp(bob, path, state)
  t.equal(state.after, 100)
  t.match(await restore(), { code: 1, stderr: /another server has it open/ })
  const socket = await bob.v1(id)
  t.equal((await socket.next('ready')).epoch, state.epoch)
  await server.app.close()
  t.match(await restore(), { code: 0, stdout: /^Restored \S+copy\.db to \S+confab\.db/ })

  const second = await again()
  const cookieOf = ({ cookie, user }: Client) => second.client(cookie, user)
  await say(cookieOf(ann), 80, 110)
  const before = state.epoch
  await catchUp(cookieOf(bob), path, state)
  t.not(state.epoch, before)
  t.equal(state.after, 110)
  const fresh = { epoch: '', after: 0, seen: new Map<number, string>() }
  await catchUp(cookieOf(bob), path, fresh)
  t.strictSame([...state.seen], [...fresh.seen])
  t.equal(fresh.seen.size, 110)
  t.equal((await (await cookieOf(bob).v1(id)).next('ready')).epoch, state.epoch)
})

t.test('what a crash has left beside the database does not meet the copy', async t => {
  const { directory, server, backup, restore, again } = await restorable(t)
  const ann = await server.account('ann')
  t.match(await backup(), { code: 0 })
  await ann.patch('/users/me', { display_name: 'Later' })
  await server.app.close()
  // A shell that was killed: its log stays.
  const other = new Sqlite(join(directory, 'confab.db'))
  other.pragma('journal_mode = wal')
  other.prepare("update users set display_name = 'In the log'").run()
  t.ok(existsSync(join(directory, 'confab.db-wal')))
  t.match(await restore(), { code: 0 })
  other.close()
  const names = readdirSync(directory).filter(name => name.startsWith('confab.db') && !name.includes('replaced'))
  t.strictSame(names.sort(), ['confab.db', 'confab.db-lock'])
  t.equal(statSync(join(directory, 'confab.db')).mode & 0o777, 0o600)
  const second = await again()
  t.match((await second.client(ann.cookie, ann.user).get('/auth/me')).body, { display_name: 'ann' })
  await second.app.close()
  const kept = new Sqlite(join(directory, 'confab.db.replaced'))
  t.equal(kept.prepare('select display_name from users').pluck().get(), 'In the log')
  kept.close()
})

t.test('a restore after one that was interrupted keeps what a crash had left', async t => {
  const { directory, server, backup, restore } = await restorable(t)
  await server.account('ann')
  t.match(await backup(), { code: 0 })
  await server.app.close()
  const file = join(directory, 'confab.db')
  const other = new Sqlite(file)
  other.pragma('journal_mode = wal')
  other.prepare("update users set display_name = 'In the log'").run()
  // As far as the first one came.
  linkSync(file, `${file}.replaced`)
  renameSync(`${file}-wal`, `${file}.replaced-wal`)
  t.match(await restore(), { code: 0 })
  other.close()
  const kept = new Sqlite(`${file}.replaced`)
  t.equal(kept.prepare('select display_name from users').pluck().get(), 'In the log')
  kept.close()
})

t.test('a copy that cannot be used is refused, and the database left as it was', async t => {
  const { directory, server, copy, backup, restore, again } = await restorable(t)
  const ann = await server.account('ann')
  await server.chat('bob', 'cas')
  t.match(await backup(), { code: 0 })
  await server.app.close()
  const wrong: [string, () => void, RegExp][] = [
    ['a damaged copy', () => truncateSync(copy, statSync(copy).size - 4096), /copy\.db cannot be used/],
    ['no database', () => writeFileSync(copy, 'x'.repeat(9000)), /copy\.db cannot be used: file is not a database/],
    [
      'a database of another program',
      () => {
        writeFileSync(copy, '')
        const db = new Sqlite(copy)
        db.exec('create table notes (text)')
        db.close()
      },
      /copy\.db cannot be used: .*not those of Confab/
    ]
  ]
  for (const [name, spoil, stderr] of wrong) {
    spoil()
    t.match(await restore(), { code: 1, stdout: '', stderr }, name)
    t.strictSame(
      readdirSync(directory).filter(file => /restoring|replaced/.test(file)),
      []
    )
  }
  const second = await again()
  t.equal((await second.client(ann.cookie, ann.user).get('/auth/me')).status, 200)
})

t.test('a restore that makes no sense says why', async t => {
  const { settings, server, copy } = await restorable(t)
  await server.app.close()
  const file = settings.DATABASE_URL.slice('sqlite:///'.length)
  const cases: [string[], object, RegExp][] = [
    [[], settings, /^db:restore: the name of the copy is missing: npm run db:restore -- copy\.db\n$/],
    [[copy], settings, /^db:restore: \S+copy\.db does not exist\n$/],
    [[file], settings, /is the database itself\n$/],
    [[file], { ...settings, DATABASE_URL: 'sqlite:///:memory:' }, /a database without a file\n$/]
  ]
  for (const [args, env, line] of cases) {
    t.match(await run('db-restore.ts', '/', args, env as NodeJS.ProcessEnv), { code: 1, stdout: '', stderr: line })
  }
})
