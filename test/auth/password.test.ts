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
