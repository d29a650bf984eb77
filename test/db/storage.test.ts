import { closeSync, openSync, renameSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Repositories } from '../../src/db/repositories.ts'
import { openStorage } from '../../src/db/sqlite/storage.ts'
import { watchConnections } from '../connections.ts'
import { build } from '../helper.ts'

const FAILED = { status: 503, body: { statusCode: 503, code: 'STORAGE_FAILED', error: 'Service Unavailable' } }

/** A server with a chat of ann and bob, and its own connection to the database. */
async function setUp(t: Test) {
  const connectionTo = watchConnections(t)
  const file = `${t.testdir({})}/confab.db`
  const server = await build(t, { DATABASE_URL: `sqlite:///${file}` })
  const ann = await server.register('ann', 'correct horse')
  const bob = await server.account('bob')
  const { body } = await ann.post('/chats', { title: 'Friends', member_ids: [bob.user.id] })
  return { server, file, db: connectionTo(file), ann, bob, id: body.id as number }
}

t.test('what the disk refuses is refused alike everywhere, and can be tried again', async t => {
  const { server, db, ann, bob, id } = await setUp(t)
  const other = await server.login('ann')
  const { items } = (await ann.get('/auth/sessions')).body
  const session = items.find(({ current }: { current: boolean }) => !current).id
  const password = 'correct horse'
  await ann.post(`/chats/${id}/messages`, { message: 'needle' })
  // SQLite then refuses every write of this connection with SQLITE_READONLY.
  db.pragma('query_only = 1')
  const changes: [method: string, path: string, body?: object][] = [
    ['POST', '/auth/register', { username: 'cas', password }],
    ['POST', '/auth/login', { username: 'ann', password }],
    ['DELETE', `/auth/sessions/${session}`],
    ['POST', '/auth/password', { current_password: password, new_password: 'battery staple' }],
    ['PATCH', '/users/me', { display_name: 'Ann' }],
    ['POST', '/chats', { title: 'x' }],
    ['POST', '/chats/direct', { user_id: bob.user.id }],
    ['PATCH', `/chats/${id}`, { visibility: 'public' }],
    ['PATCH', `/chats/${id}`, { title: 'x' }],
    ['PUT', `/chats/${id}/read`, { id: 1 }],
    ['PUT', `/chats/${id}/members/${bob.user.id}`, { role: 'admin' }],
    ['DELETE', `/chats/${id}/members/${bob.user.id}`],
    ['POST', `/chats/${id}/messages`, { message: 'x' }],
    ['PATCH', `/chats/${id}/messages/1`, { message: 'x' }],
    ['PUT', `/chats/${id}/messages/1/reactions/x`],
    ['DELETE', `/chats/${id}/messages/1`],
    ['DELETE', `/chats/${id}`],
    ['POST', '/auth/logout']
  ]
  for (const [method, path, body] of changes) {
    const reply = await ann.request(method, path, body)
    t.match(reply, FAILED, `${method} ${path}`)
    t.match(reply.headers.get('retry-after'), /^[1-9]\d*$/)
    t.strictSame(reply.headers.getSetCookie(), [], 'no cookie of a session that is not stored, none cleared')
  }
  for (const path of ['/auth/me', '/chats', `/chats/${id}`, `/chats/${id}/messages`, '/search?query=needle']) {
    t.equal((await ann.get(path)).status, 200, `${path} goes on`)
  }
  t.match((await ann.get('/search?query=needle')).body.items, [], 'what was not indexed yet is not found')
  t.match(await ann.get('/health/ready'), FAILED)

  db.pragma('query_only = 0')
  t.match((await ann.get('/search?query=needle')).body.items, [{ id: 1 }])
  for (const end = Date.now() + 5000; (await ann.get('/health/ready')).status !== 200 && Date.now() < end; ) {
    await sleep(100)
  }
  t.equal((await ann.get('/health/ready')).status, 200, 'ready again, without a request that writes')
  for (const [method, path, body] of changes) {
    t.match(await ann.request(method, path, body), { status: /^20/ }, `${method} ${path}`)
  }
  t.equal((await other.get('/auth/me')).status, 401)
})

t.test('nothing is written to find out that a server is ready', async t => {
  const { db, ann } = await setUp(t)
  const written = () => db.pragma('wal_checkpoint(passive)')
  const before = written()
  for (let i = 0; i < 5; i++) t.equal((await ann.get('/health/ready')).status, 200)
  t.strictSame(written(), before)
})

t.test('a server whose file is no longer there, or no longer the same, is not ready', async t => {
  for (const [name, damage] of [
    ['emptied', file => truncateSync(file)],
    ['removed', file => renameSync(file, `${file}.old`)],
    [
      'replaced',
      file => {
        renameSync(file, `${file}.old`)
        writeFileSync(file, 'another')
      }
    ]
  ] satisfies [string, (file: string) => void][]) {
    const { file, ann } = await setUp(t)
    t.equal((await ann.get('/health/ready')).status, 200)
    damage(file)
    t.match(await ann.get('/health/ready'), FAILED, name)
    t.equal((await ann.get('/health/live')).status, 200)
  }
})

t.test('a damaged table is found without a request that reads it', async t => {
  for (const table of ['users', 'sessions', 'chats', 'members', 'messages']) {
    const { file, db, ann } = await setUp(t)
    // After a commit of another process, the server reads every page anew.
    const other = new Sqlite(file)
    other.pragma('user_version = 0')
    other.pragma('wal_checkpoint(truncate)')
    const rootOf = other.prepare<[string], number>('select rootpage from sqlite_master where name = ?').pluck()
    overwritePage(file, rootOf.get(table) as number, db.pragma('page_size', { simple: true }) as number)
    other.close()
    t.match(await ann.get('/health/ready'), FAILED, table)
    t.equal((await ann.get('/health/live')).status, 200)
  }
})

t.test('what cannot be read is refused as what the disk refuses', async t => {
  const { file, ann, id } = await setUp(t)
  overwriteAll(file)
  for (const path of ['/chats', `/chats/${id}`, `/chats/${id}/messages`, `/chats/${id}/changes`, '/search?query=x']) {
    t.match(await ann.get(path), FAILED, path)
  }
  const logout = await ann.post('/auth/logout')
  t.match(logout, FAILED)
  t.strictSame(logout.headers.getSetCookie(), [], 'the session may go on')
})

t.test('every function of a repository throws STORAGE_FAILED when the storage fails', async t => {
  const file = `${t.testdir({})}/confab.db`
  // The work in the background may fail too, and warns then.
  const db = openStorage(file, { warn: () => undefined }).repositories
  t.teardown(() => db.close())
  const user = { id: 1, username: 'ann', password_hash: 'x' }
  await db.users.create(user)
  await db.chats.create(1, { title: 'Friends' })
  overwriteAll(file)
  const page = { limit: 1 }
  const head = { chat_id: 1, seq: 1, read_id: 0 }
  const password = { user_id: 1, session_id: 'x', verified: 'x' }
  const { users, sessions, chats, members, messages, search, log } = db
  const calls: Record<string, Record<string, () => Promise<unknown>>> = {
    users: {
      create: () => users.create({ username: 'bob', password_hash: 'x' }),
      find: () => users.find(1),
      findAll: () => users.findAll([1]),
      count: () => users.count([1]),
      findForLogin: () => users.findForLogin('ann'),
      passwordHash: () => users.passwordHash(1),
      setProfile: () => users.setProfile(1, { display_name: 'Ann' }),
      list: () => users.list({ query: 'a', ...page })
    },
    sessions: {
      create: () => sessions.create(user, 1),
      changePassword: () => sessions.changePassword(password, 'y'),
      find: () => sessions.find('x'),
      list: () => sessions.list(1, page),
      endOldest: () => sessions.endOldest(1, 0),
      sweep: () => sessions.sweep(),
      touch: () => sessions.touch('x', { last_seen_at: 1 }),
      remove: () => sessions.remove(1, 'x')
    },
    chats: {
      create: () => chats.create(1, { title: 'x' }),
      direct: () => chats.direct(1, 2),
      find: () => chats.find(1, 1),
      describe: () => chats.describe(1),
      list: () => chats.list(1, page),
      listPublic: () => chats.listPublic(page),
      ids: () => chats.ids(1),
      heads: () => chats.heads(1),
      unread: () => chats.unread(1, [head])
    },
    members: {
      access: () => members.access(1, 1),
      find: () => members.find(1, 1),
      list: () => members.list(1, page),
      readState: () => members.readState(1, 1)
    },
    messages: {
      find: () => messages.find(1, 1),
      head: () => messages.head(1),
      changes: () => messages.changes(1, 0, 1, 1),
      changesPage: () => messages.changesPage(1, 0, 1, 1),
      created: () => messages.created(1, 0, 1, 1),
      history: () => messages.history(1, page)
    },
    search: { find: () => search.find(1, { query: 'x', ...page }).next() }
  }
  for (const [noun, functions] of Object.entries(calls)) {
    const names = Object.keys(db[noun as keyof Repositories]).filter(name => name !== 'listVersion')
    t.strictSame(Object.keys(functions).sort(), names.sort(), `all functions of ${noun}`)
    for (const [name, call] of Object.entries(functions)) {
      await t.rejects(call(), { code: 'STORAGE_FAILED' }, `${noun}.${name}`)
    }
  }
  t.match(await log.append([{ type: 'send', chat_id: 1, user, text: 'x' }]), [{ error: 'STORAGE_FAILED' }])
  await t.rejects(db.ready())
})

t.test('a database in memory is ready', async t => {
  const server = await build(t, { DATABASE_URL: 'sqlite:///:memory:' })
  t.equal((await server.stranger().get('/health/ready')).status, 200)
})

/** Overwrites all pages but the first one, which has the schema. */
function overwriteAll(file: string): void {
  const other = new Sqlite(file)
  // After a commit of another process, the server reads every page anew.
  other.pragma('user_version = 0')
  other.pragma('wal_checkpoint(truncate)')
  const size = other.pragma('page_size', { simple: true }) as number
  const pages = other.pragma('page_count', { simple: true }) as number
  other.close()
  for (let page = 2; page <= pages; page++) overwritePage(file, page, size)
}

/** Overwrites a page of the file with what is no page of a b-tree. Pages are counted from 1. */
function overwritePage(file: string, page: number, size: number): void {
  const fd = openSync(file, 'r+')
  writeSync(fd, Buffer.alloc(size, 0xff), 0, size, (page - 1) * size)
  closeSync(fd)
}
