import crypto, { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import t from 'tap'
import { build, type Client } from '../helper.ts'

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
  const { passwordHash } = server.app.db.users
  const { promise: ended, resolve: go } = Promise.withResolvers<void>()
  const { promise: begun, resolve: arrived } = Promise.withResolvers<void>()
  server.app.db.users.passwordHash = async id => {
    const hash = await passwordHash(id)
    arrived()
    await ended
    return hash
  }
  const changed = change(thief, 'battery staple')
  await begun
  t.equal((await ann.delete(`/auth/sessions/${theirs}`)).status, 204)
  go()
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
