import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { BusyRetry } from '../../src/db/sqlite/busy-retry.ts'
import { chatRepository } from '../../src/db/sqlite/chats.ts'
import { logRepository } from '../../src/db/sqlite/log/log.ts'
import { openDatabase } from '../../src/db/sqlite/open.ts'
import { userRepository } from '../../src/db/sqlite/users.ts'
import { FairTurns } from '../../src/fair-turns.ts'

/** A log of which one batch has gone by already, so that it knows its chat and its members, and another connection. */
async function warmLog(t: Test) {
  const file = join(t.testdir(), 'confab.db')
  const db = openDatabase(file)
  const other = new Sqlite(file)
  t.teardown(() => {
    other.close()
    db.$client.close()
  })
  const users = userRepository(db, new FairTurns())
  const chats = chatRepository(db, new FairTurns())
  const log = logRepository(db, new BusyRetry(db.$client, 200))
  const people: { id: number; username: string }[] = []
  for (const username of ['ann', 'bob']) {
    const user = await users.create({ username, password_hash: 'x' })
    people.push({ id: user?.id as number, username })
  }
  const [ann, bob] = people as [(typeof people)[0], (typeof people)[0]]
  const chat_id = await chats.create(ann.id, { title: 'Friends', member_ids: [bob.id] })
  const send = (user: typeof ann, text: string) => ({ type: 'send' as const, chat_id, user, text })
  t.match(await log.append([send(ann, 'one'), send(bob, 'two')]), [{ message: { seq: 1 } }, { message: { seq: 2 } }])
  return { db, chats, log, other, ann, bob, chat_id, send }
}

t.test('numbers go on where another process has left them', async t => {
  const { log, other, ann, bob, chat_id, send } = await warmLog(t)
  other
    .prepare(
      "insert into messages (chat_id, id, seq, kind, sender_id, text, created_at) values (?, 3, 3, 'text', ?, 'x', 1)"
    )
    .run(chat_id, bob.id)
  other.prepare('update chats set seq = 3 where id = ?').run(chat_id)
  t.match(await log.append([send(ann, 'four')]), [{ message: { seq: 4, message: 'four' } }])
})

t.test('whom another process has removed sends no more', async t => {
  const { log, other, ann, bob, chat_id, send } = await warmLog(t)
  other.prepare('delete from members where chat_id = ? and user_id = ?').run(chat_id, bob.id)
  const outcomes = await log.append([send(bob, 'no'), send(ann, 'yes')])
  t.match(outcomes, [{ error: 'CHAT_NOT_FOUND' }, { message: { seq: 3 } }])
})

t.test('who has left sends no more, in the same batch and later', async t => {
  const { log, bob, chat_id, send } = await warmLog(t)
  const leave = { type: 'leave' as const, chat_id, user: bob, member: bob }
  t.match(await log.append([leave, send(bob, 'no')]), [{ message: { kind: 'left' } }, { error: 'CHAT_NOT_FOUND' }])
  t.match(await log.append([send(bob, 'no')]), [{ error: 'CHAT_NOT_FOUND' }])
})

t.test('a chat that was deleted takes nothing', async t => {
  const { log, ann, chat_id, send } = await warmLog(t)
  t.match(await log.append([{ type: 'remove', chat_id, user: ann }]), [{ changed: true }])
  t.match(await log.append([send(ann, 'no')]), [{ error: 'CHAT_NOT_FOUND' }])
})

t.test('a message that cannot be stored leaves no hole', async t => {
  const { log, other, ann, send } = await warmLog(t)
  other.exec(`create trigger boom before insert on messages when new.text = 'boom'
    begin select raise(abort, 'boom'); end`)
  const outcomes = await log.append([send(ann, 'three'), send(ann, 'boom'), send(ann, 'four')])
  t.match(outcomes, [{ message: { seq: 3 } }, { error: 'STORAGE_FAILED' }, { message: { seq: 4 } }])
  t.match(await log.append([send(ann, 'boom')]), [{ error: 'STORAGE_FAILED' }])
  t.match(await log.append([send(ann, 'five')]), [{ message: { seq: 5 } }])
})

t.test('while another process holds the lock, a batch waits for it once', async t => {
  const { db, log, other, ann, send } = await warmLog(t)
  db.$client.pragma('busy_timeout = 0')
  other.exec('begin immediate')
  const outcomes = await log.append([send(ann, 'three'), send(ann, 'four'), send(ann, 'five')])
  const [first] = outcomes as { cause?: unknown }[]
  t.match(first, { error: 'STORAGE_FAILED', cause: { cause: { code: 'SQLITE_BUSY' } } })
  t.ok(
    outcomes.every(outcome => 'cause' in outcome && outcome.cause === first?.cause),
    'it was tried once'
  )
  other.exec('rollback')
  t.match(await log.append([send(ann, 'three')]), [{ message: { seq: 3 } }])
})

t.test('a chat of more members than one statement can take', async t => {
  const { db, chats, ann } = await warmLog(t)
  const insert = db.$client.prepare(
    "insert into users (username, display_name, password_hash, created_at) values (?, 'x', 'x', 1)"
  )
  const member_ids = db.$client.transaction(() =>
    Array.from({ length: 8000 }, (_, i) => Number(insert.run(`user${i}`).lastInsertRowid))
  )()
  const id = await chats.create(ann.id, { title: 'Crowd', member_ids })
  t.match(db.$client.prepare('select count(*) as members from members where chat_id = ?').get(id), { members: 8001 })
})
