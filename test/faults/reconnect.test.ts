import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { audit, heads, Reader, Sender } from './ledger.ts'
import { start } from './process.ts'

const ROUNDS = 5
const EACH = 150

t.test('whoever reconnects at random while all send at full speed gets everything once, in order', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob', 'cas', 'dan')
  const senders = people.map(({ user }) => new Sender(user.username))
  const readers = people.map(() => new Reader(id))
  const [restless] = readers
  for (const [i, person] of people.entries()) {
    await senders[i]?.connect(person, `?chat_id=${id}`)
    await readers[i]?.connect(person)
  }
  let reconnects = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const sender of senders) for (let i = 0; i < EACH; i++) sender.send(id)
    const settled = Promise.all(senders.map(sender => sender.settled()))
    for (const until = (round + 1) * EACH * senders.length; (restless?.cursor(id) ?? until) < until; reconnects++) {
      await sleep(Math.random() * 15)
      await restless?.connect(people[0])
    }
    await settled
  }
  t.comment(`${reconnects} reconnects`)
  for (const reader of readers) await reader.caughtUp(heads(server.file))
  t.equal(
    senders.reduce((sum, { acked }) => sum + acked.size, 0),
    ROUNDS * EACH * senders.length
  )
  audit(t, server.file, senders, readers)
})
