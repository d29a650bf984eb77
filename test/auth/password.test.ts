import crypto, { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import t from 'tap'
import { build, type Client } from '../helper.ts'
import { collector } from '../log-lines.ts'
import { holdAnswers } from '../repository.ts'

const OLD = 'correct horse'

function change(who: Client, new_password: string) {
  return who.post('/auth/password', { current_password: OLD, new_password })
}

for (const [sessions, status, code] of [
  ['one session', 403, 'WRONG_PASSWORD'],
  ['two sessions', 401, 'UNAUTHENTICATED']
] as const) {
  t.test(`of two changes of a password at once, with ${sessions}, one is made and the other is told so`, async t => {
    const server = await build(t)
    const ann = await server.register('ann', OLD)
    const other = sessions === 'one session' ? ann : await server.login('ann')
    const passwords = ['battery staple', 'purple monkey'] as const
    const replies = await Promise.all([change(ann, passwords[0]), change(other, passwords[1])])
    const made = replies.findIndex(reply => reply.status === 204)
    t.match(replies[made], { status: 204 })
    t.match(replies[1 - made], { status, body: { code } })
    await server.login('ann', passwords[made])
    for (const password of [OLD, passwords[1 - made]]) await t.rejects(server.login('ann', password), /401/)
    t.equal((await (made === 0 ? ann : other).get('/auth/me')).status, 200, 'who made the change stays')
  })
}

t.test('a session that ends while the new password is hashed changes nothing', async t => {
  const server = await build(t)
  const ann = await server.register('ann', OLD)
  const thief = await server.login('ann')
  const sessions = (await thief.get('/auth/sessions')).body.items
  const theirs = sessions.find(({ current }: { current: boolean }) => current).id

  // The change has read the hash, and waits for its turn to verify it.
  const hash = holdAnswers(server.app.db.users, 'passwordHash')
  const changed = change(thief, 'battery staple')
  await hash.called
  t.equal((await ann.delete(`/auth/sessions/${theirs}`)).status, 204)
  hash.release()
  t.match(await changed, { status: 401, body: { code: 'UNAUTHENTICATED' } })
  t.equal((await ann.get('/auth/me')).status, 200, 'the session of the owner goes on')
  await server.login('ann', OLD)
})

t.test('a password is the same however its characters are composed, and however old its hash is', async t => {
  const server = await build(t)
  const [composed, decomposed] = ['pässwörter', 'pässwörter'.normalize('NFD')]
  t.not(composed, decomposed)
  await server.register('ann', decomposed)
  await server.register('bob', composed)
  for (const name of ['ann', 'bob']) for (const password of [composed, decomposed]) await server.login(name, password)
  const ann = await server.login('ann', composed)
  const changed = await ann.post('/auth/password', { current_password: decomposed, new_password: OLD })
  t.equal(changed.status, 204)
  await t.rejects(server.login('ann', composed), /401/)
  for (const other of ['passworter', 'pässworter', 'Pässwörter', ' pässwörter']) {
    await t.rejects(server.login('bob', other), /401/, other)
  }
  // `ﬁ` is alike, and `fi` another password: nothing else is changed (RFC 8265, section 4.2.2).
  await server.register('cas', 'ﬁshﬁngers')
  await t.rejects(server.login('cas', 'fishfingers'), /401/)

  // Made before passwords were normalized: of the bytes as they were given.
  const salt = randomBytes(16)
  const argon2 = promisify(crypto.argon2)
  const options = { message: decomposed, nonce: salt, tagLength: 32, memory: 19_456, passes: 2, parallelism: 1 }
  const tag = await argon2('argon2id', options)
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const password_hash = `$argon2id$v=19$m=19456,t=2,p=1$${base64(salt)}$${base64(tag)}`
  await server.app.db.users.create({ username: 'dan', password_hash })
  await server.login('dan', decomposed)
  await t.rejects(server.login('dan', 'another'), /401/)
})

t.test('password hashes of other kinds are refused, and the log names the kind', async t => {
  const { lines, logger } = collector('info')
  const server = await build(t, {}, logger)
  const hashes: [username: string, hash: string, kind: string][] = [
    ['bcrypt', '$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW', 'of the kind "2b"'],
    [
      'pbkdf2',
      '$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk',
      '"pbkdf2-sha256"'
    ],
    ['argon2i', '$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$dGFndGFndGFndGFndGFn', 'of the kind "argon2i"'],
    ['old', '$argon2id$v=16$m=19456,t=2,p=1$c2FsdHNhbHQ$dGFndGFndGFndGFndGFn', 'of the kind "argon2id"'],
    ['keyed', '$argon2id$v=19$m=19456,t=2,p=1,keyid=Hj5$c2FsdHNhbHQ$dGFndGFndGFndGFndGFn', 'of the kind "argon2id"'],
    ['saltless', '$argon2id$v=19$m=19456,t=2,p=1$$dGFndGFndGFndGFndGFn', 'of the kind "argon2id"'],
    ['hex', '5f4dcc3b5aa765d61d8327deb882cf99', 'not a PHC string'],
    ['plain', OLD, 'not a PHC string'],
    ['empty', '', 'not a PHC string']
  ]
  for (const [username, password_hash, kind] of hashes) {
    await server.app.db.users.create({ username, password_hash })
    const reply = await server.stranger().post('/auth/login', { username, password: OLD })
    t.match(reply, { status: 500, body: { code: 'INTERNAL' } }, username)
    const { err } = lines.findLast(({ level }) => level === 50)
    t.match(err.message, `the stored password hash is`, username)
    t.match(err.message, kind, username)
    if (password_hash !== '') t.notMatch(JSON.stringify(lines), password_hash, `${username}: the hash is not logged`)
  }
})

t.test('argon2id hashes of other programs work, whatever their cost and length', async t => {
  const server = await build(t)
  const argon2 = promisify(crypto.argon2)
  for (const [username, memory, passes, parallelism, tagLength] of [
    ['small', 1024, 3, 4, 16],
    ['long', 8192, 1, 1, 64]
  ] as const) {
    const nonce = randomBytes(8)
    const tag = await argon2('argon2id', { message: OLD, nonce, tagLength, memory, passes, parallelism })
    const [salt, hash] = [nonce, tag].map(bytes => bytes.toString('base64').replace(/=+$/, ''))
    const password_hash = `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${salt}$${hash}`
    await server.app.db.users.create({ username, password_hash })
    await server.login(username, OLD)
    await t.rejects(server.login(username, 'another'), /401/)
  }
})
