import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { Log } from '../../src/chat/log.ts'
import type { Change } from '../../src/db/changes.ts'
import type { Message } from '../../src/schemas/message.ts'

// A chat whose sockets cannot be served as fast as it is written to waits, and no other with it.

/** A log, the changes of each of its batches, and the chats that are full. */
function logWith() {
  const full = new Set<number>()
  const batches: string[][] = []
  const repository = {
    async append(changes: Change[]) {
      batches.push(changes.map(change => `${change.chat_id}.${(change as { text: string }).text.slice(0, 9)}`))
      return changes.map(({ chat_id }) => ({ message: { chat_id } as Message, changed: true }))
    }
  }
  const rooms = {
    busy: false,
    get anyFull() {
      return full.size > 0
    },
    isFull: (chat_id: number) => full.has(chat_id)
  }
  const log = new Log(repository, rooms, { deliver: () => undefined }, { error: () => undefined })
  const send = (chat_id: number, text: string) =>
    log.append({ type: 'send', chat_id, user: { id: 1, username: 'ann' }, text })
  return { log, full, batches, send }
}

t.test('changes of a full chat wait, in their order', async t => {
  const { log, full, batches, send } = logWith()
  full.add(1)
  const waiting = [send(1, 'a'), send(2, 'b'), send(1, 'c'), send(3, 'd')]
  await Promise.all([waiting[1], waiting[3]])
  for (let n = 0; n < 10; n++) await nextTurn()
  t.strictSame(batches, [['2.b', '3.d']])
  waiting.push(send(1, 'e'), send(2, 'f'))
  await waiting.at(-1)
  full.clear()
  await Promise.all(waiting)
  t.strictSame(batches, [['2.b', '3.d'], ['2.f'], ['1.a', '1.c', '1.e']])
  await log.drained()
})

t.test('a batch ends with so many characters of text', async t => {
  const { batches, send } = logWith()
  const text = (n: number) => `${n}`.padEnd(9, '.').padEnd(100_000, 'x')
  await Promise.all([1, 2, 3, 4, 5].map(n => send(1, text(n))))
  t.strictSame(
    batches.map(({ length }) => length),
    [3, 2]
  )
  t.strictSame(
    batches.flat(),
    [1, 2, 3, 4, 5].map(n => `1.${text(n).slice(0, 9)}`)
  )
})
