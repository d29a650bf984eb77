import type { Test } from 'tap'
import type { Fixture } from './fixture.ts'

export async function storageCases(t: Test, { db }: Fixture): Promise<void> {
  await t.test('the history has an id of 16 random bytes', async t => {
    t.match(db.epoch, /^[\w-]{22}$/)
  })

  await t.test('a storage is ready until it is closed', async t => {
    await db.ready()
    await db.close()
    await t.rejects(db.ready())
    await t.rejects(db.users.find(1))
    t.match(await db.log.append([{ type: 'send', chat_id: 1, user: { id: 1, username: 'ann' }, text: 'x' }]), [
      { error: 'STORAGE_FAILED' }
    ])
    await db.close()
  })
}
