import t from 'tap'
import { build, type Json } from '../helper.ts'

// Pages of long messages end early, and the next one goes on.

t.test('long messages come in shorter pages, all of them once', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann')
  const [ann] = people
  const user = { id: ann.user.id, username: 'ann' }
  const COUNT = 100
  // Each takes six bytes in JSON.
  const text = '\u0001'.repeat(10_000)
  await server.app.db.log.append(
    Array.from({ length: COUNT }, () => ({ type: 'send' as const, chat_id: id, user, text }))
  )
  const all = Array.from({ length: COUNT }, (_, i) => i + 1)
  const ids = (items: Json[]) => items.map(item => item.id)
  const sizes: number[] = []
  const read = async (query: string) => {
    const { body, status } = await ann.get(`${path}/${query}`)
    t.equal(status, 200)
    sizes.push(JSON.stringify(body).length)
    return body
  }

  const forward: number[] = []
  for (let page: Json = { has_more_after: true }; page.has_more_after; forward.push(...ids(page.items))) {
    page = await read(`messages?limit=200&after=${forward.at(-1) ?? 0}`)
  }
  t.strictSame(forward, all)
  const backward: number[] = []
  for (let page: Json = { has_more_before: true }; page.has_more_before; backward.unshift(...ids(page.items))) {
    page = await read(`messages?limit=200&before=${backward[0] ?? COUNT + 1}`)
  }
  t.strictSame(backward, all)
  const changed: number[] = []
  for (let page: Json = { has_more: true, seq: 0 }; page.has_more; changed.push(...ids(page.items))) {
    page = await read(`changes?limit=500&after=${page.seq}`)
  }
  t.strictSame(changed, all)
  const around = await read('messages?limit=200&around=50')
  t.ok(ids(around.items).includes(50) && around.has_more_before && around.has_more_after)
  t.ok(Math.max(...sizes) < 4_000_000, `the largest reply has ${Math.max(...sizes)} bytes`)

  const socket = await ann.v1(`?chat_id=${id}&after=0`)
  for (const seq of all) t.equal((await socket.next('message')).seq, seq)
  t.match(await socket.next('live'), { seq: COUNT })
})
