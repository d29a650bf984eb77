import { readFileSync } from 'node:fs'
import t from 'tap'
import { foldWorker } from '../../src/db/sqlite/fold-worker.ts'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import { foldedNames, old, openServer, within } from './old-database.ts'

const ALL = ['Ann SMITH: ann smith', 'Bób Ωmega: bob ωmega', 'ÇYD: cyd', 'Tab\there: tab\there'].concat([
  'Общий чат: общии чат',
  'Plain: plain',
  'Deleted: deleted',
  'CAFÉ Über: cafe uber'
])

t.test('the start folds what SQL could not, and the next start what a shell has added', async t => {
  const file = old(t)
  const first = await openServer(t, file)
  t.strictSame(within(file, foldedNames), ALL)
  await first.app.close()
  within(file, client =>
    client.exec(`insert into chats (kind, visibility, title, created_by, created_at, updated_at)
      values ('group', 'public', 'Größe', 1, 1, 1)`)
  )
  const second = await openServer(t, file)
  t.strictSame(within(file, foldedNames), [...ALL, 'Größe: grosse'])
  t.match(first.app.db.epoch, /^[\w-]{22}$/)
  t.equal(second.app.db.epoch, first.app.db.epoch)
})

t.test('a second start finds nothing to do', async t => {
  const file = old(t)
  await (await openServer(t, file)).app.close()
  const before = readFileSync(file)
  await (await openServer(t, file)).app.close()
  t.ok(readFileSync(file).equals(before))
})

t.test('many texts are folded piece by piece', async t => {
  const { $client } = openDatabase(old(t))
  t.teardown(() => $client.close())
  $client.exec(`insert into users (username, display_name, password_hash, created_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < 1200)
    select 'user' || value, 'Ü' || value, 'x', 1 from n`)
  const { work } = foldWorker($client)
  const left = $client.prepare('select count(*) from users where display_name_folded is null').pluck()
  const lefts = [left.get()]
  while (work()) lefts.push(left.get())
  t.strictSame(lefts.slice(-4), [1202, 702, 202, 0])
  t.equal($client.prepare("select display_name_folded from users where username = 'user1200'").pluck().get(), 'u1200')
})
