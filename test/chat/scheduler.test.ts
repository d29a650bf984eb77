import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { RoomScheduler } from '../../src/chat/delivery/scheduler.ts'

/**
 * A scheduler of rooms whose `deliverSlice` is `serve`, which gets the number of its calls for that room. Also returns
 * which rooms were served, and which errors were logged.
 */
function roundsOf(serve: (chat_id: number, nth: number) => boolean) {
  const errors: unknown[] = []
  const served: number[] = []
  const rounds = new RoomScheduler({ error: (what: unknown) => errors.push(what) })
  for (const chat_id of [1, 2, 3]) {
    let nth = 0
    const room = {
      chat_id,
      full: false,
      deliverSlice() {
        served.push(chat_id)
        return serve(chat_id, ++nth)
      }
    }
    rounds.add(room)
  }
  return { rounds, served, errors }
}

t.test('what goes wrong with one socket does not stop the rounds', async t => {
  const { rounds, served, errors } = roundsOf((chat_id, nth) => {
    if (chat_id === 1 && nth === 1) throw new Error('a socket in trouble')
    return true
  })
  while (rounds.busy) await nextTurn()
  t.strictSame(served, [1, 2, 3, 1])
  t.match(errors, [{ err: /trouble/, chat_id: 1 }])
})

t.test('a room that takes long is served again after the others, and the event loop has its turn between', async t => {
  const { rounds, served } = roundsOf((chat_id, nth) => {
    for (const end = performance.now() + 10; chat_id === 1 && performance.now() < end; );
    return nth === 2
  })
  await nextTurn()
  t.strictSame(served, [1])
  await nextTurn()
  t.strictSame(served, [1, 2, 3, 1])
  while (rounds.busy) await nextTurn()
  t.strictSame(served, [1, 2, 3, 1, 2, 3])
})
