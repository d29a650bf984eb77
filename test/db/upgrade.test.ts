import type Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import type { Server } from '../helper.ts'
import { drizzleKit } from './kit.ts'
import {
  EMOJI,
  fillOld,
  foldedNames,
  old,
  openServer,
  rowsOf,
  statementsOf,
  within,
  withoutReferences
} from './old-database.ts'

const TRIGGERS = ['search_chat_deleted', 'search_text_changed']
const MIGRATION = '0002_ids_are_never_reused'

/** A client of an account that there was already. */
async function returning(server: Server, id: number, password_hash: string) {
  const exp = Math.floor(Date.now() / 1000) + 3600
  const session = await server.app.db.sessions.create({ id, password_hash }, exp * 1000)
  const token = server.app.jwt.sign({ sub: String(id), sid: session?.id as string, exp })
  return server.client(`access_token=${token}`, { id, username: '' })
}

const ways: Record<string, (t: Test, file: string) => Promise<void>> = {
  'the start of the server': async (_, file) => void openDatabase(file).$client.close(),
  'npm run db:migrate': async (t, file) => {
    const { status, output } = await drizzleKit(['migrate'], { DATABASE_URL: `sqlite:///${file}` })
    t.equal(status, 0, output)
  }
}

for (const [way, migrate] of Object.entries(ways)) {
  t.test(`a full database loses nothing by ${way}`, async t => {
    const file = old(t)
    const before = within(file, rowsOf)
    for (const [table, rows] of Object.entries(before)) {
      if (!['broken', 'search_deleted_chats'].includes(table)) t.ok(rows.length > 1, `${table} is worth comparing`)
    }
    t.strictSame(before['broken'], [])
    await migrate(t, file)
    t.strictSame(within(file, rowsOf), before)
    const triggers = "select name from sqlite_master where type = 'trigger' order by 1"
    t.strictSame(
      within(file, client => client.prepare(triggers).pluck().all()),
      way.startsWith('npm') ? TRIGGERS : [...TRIGGERS, 'search_time_changed']
    )
    t.strictSame(
      within(file, foldedNames),
      ['Ann SMITH: ann smith', 'Bób Ωmega: null', 'ÇYD: null', 'Tab\there: tab\there'].concat([
        'Общий чат: null',
        'Plain: plain',
        'Deleted: deleted',
        'CAFÉ Über: null'
      ]),
      'only plain ASCII is folded in SQL'
    )
    t.strictSame(within(file, numbers), [...EMOJI.map((emoji, i) => [emoji, 5 + i]), ['👍', 12]])
  })

  t.test(`references that were broken before do not hinder ${way}`, async t => {
    const file = old(t, client => {
      fillOld(client)
      withoutReferences(client, 'delete from users where id in (2, 9)')
    })
    const before = within(file, rowsOf)
    t.ok((before['broken']?.length ?? 0) > 5)
    await migrate(t, file)
    t.strictSame(within(file, rowsOf), before)
  })
}

/** The reactions with their seq, in its order. */
function numbers(client: Sqlite.Database): unknown[] {
  return client.prepare('select emoji, seq from reactions order by chat_id, message_id, seq').raw().all()
}

t.test('ids of users are not given again, whatever mentions them', async t => {
  const user = (id: number) =>
    `insert into users (id, username, display_name, password_hash, created_at) values (${id}, 'u${id}', 'x', 'x', 1);`
  const mentions = {
    users: user(40),
    sessions: "insert into sessions values ('a', 40, 1, 1, 1, null)",
    members: "insert into members values (1, 40, 'member', 0, 1)",
    reactions: "insert into reactions values (1, 1, 40, 'x', 1)",
    'chats.created_by': `insert into chats (kind, visibility, created_by, created_at, updated_at)
      values ('group', 'private', 40, 1, 1)`,
    'chats.direct_key, the higher': "update chats set direct_key = '3:40' where id = 3",
    'chats.direct_key, the only one left': "update chats set direct_key = '40:3' where id = 3",
    'messages.sender_id': 'update messages set sender_id = 40 where chat_id = 1 and id = 2',
    'messages.meta.added_by': `update messages set meta = '{"added_by":40}' where chat_id = 1 and id = 4`,
    'messages.meta.removed_by': `update messages set meta = '{"removed_by":40}' where chat_id = 1 and id = 4`
  }
  for (const [name, sql] of Object.entries(mentions)) {
    const file = old(t, client => {
      fillOld(client)
      withoutReferences(client, sql)
    })
    const { $client } = openDatabase(file)
    const { lastInsertRowid } = $client.prepare(user(99).replace('id, ', '').replace('99, ', '')).run()
    $client.close()
    t.equal(lastInsertRowid, 41, name)
  }
})

t.test('ids that no user can have do not use the numbers up', async t => {
  const file = old(t, client => {
    fillOld(client)
    withoutReferences(
      client,
      "update messages set sender_id = 9223372036854775807 where chat_id = 2; update messages set sender_id = 'x', meta = 'no JSON' where chat_id = 3 and id = 1"
    )
  })
  const server = await openServer(t, file)
  t.equal((await server.account('eve')).user.id, 10)
})

t.test('the id of the newest user is not given again when a shell has deleted them', async t => {
  const file = old(t, () => {})
  const server = await openServer(t, file)
  const ann = await server.account('ann')
  within(file, client => withoutReferences(client, `delete from users where id = ${ann.user.id}`))
  t.equal((await server.account('bob')).user.id, ann.user.id + 1)
})

t.test('reactions stay in their order, and later ones come after them', async t => {
  const server = await openServer(t, old(t))
  const ann = await returning(server, 1, 'hash of ann')
  const emojiOf = ({ reactions }: { reactions: { emoji: string }[] }) => reactions.map(({ emoji }) => emoji)
  t.strictSame(emojiOf((await ann.get('/chats/1/messages/1')).body), EMOJI)
  const { status, body } = await ann.put(`/chats/1/messages/1/reactions/${encodeURIComponent('✅')}`)
  t.equal(status, 200)
  t.strictSame(emojiOf(body), [...EMOJI, '✅'])
  // The order is that of the numbers, wherever SQLite puts the rows.
  within(server.settings['DATABASE_URL']?.slice('sqlite:///'.length) as string, client =>
    client.exec('update reactions set rowid = -rowid')
  )
  t.strictSame(emojiOf((await ann.get('/chats/1/messages/1')).body), [...EMOJI, '✅'])
})

/** Applies the migration as a migrator does, with other statements. Returns why it failed. */
function failure(client: Sqlite.Database, statements: string[]): string {
  client.pragma('foreign_keys = ON')
  client.exec('begin')
  try {
    for (const statement of statements) client.prepare(statement).run()
    client.exec('commit')
  } catch (error) {
    client.exec('rollback')
    return (error as Error).message
  }
  return 'none'
}

t.test('the migration refuses to lose rows, and leaves everything as it was', async t => {
  const file = old(t)
  const statements = statementsOf(MIGRATION)
  const isTransaction = (sql: string) => /^(COMMIT|BEGIN);$/m.test(sql)
  t.equal(statements.filter(isTransaction).length, 2)
  const harm = "delete from __new_users where username = 'bob'"
  const cases: Record<string, [string[], string]> = {
    'in a transaction that it cannot leave': [
      statements.filter(sql => !isTransaction(sql)),
      'CHECK constraint failed: foreign keys are off while tables are rebuilt'
    ],
    'with a mistake in the copy': [
      statements.flatMap(sql => (sql.includes('DROP TABLE `users`') ? [harm, sql] : sql)),
      'CHECK constraint failed: the migration breaks no reference'
    ]
  }
  for (const [name, [wrong, message]] of Object.entries(cases)) {
    const before = within(file, rowsOf)
    t.equal(
      within(file, client => failure(client, wrong)),
      message,
      name
    )
    t.strictSame(within(file, rowsOf), before, name)
    t.equal(
      within(file, client => client.prepare("select 1 from sqlite_master where name = 'server'").get()),
      undefined
    )
  }
})
