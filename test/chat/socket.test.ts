import t from 'tap'
import { build } from '../helper.ts'

t.test('what one says arrives at the other, stored', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const [a, b] = [await ann.socket(id), await bob.socket(id)]
  a.send({ message: 'Hello everyone in the chat!' })
  const frame = await b.next()
  t.match(frame, {
    type: 'message',
    chat_id: id,
    id: 1,
    seq: 1,
    kind: 'text',
    sender: { id: ann.user.id, username: 'ann' },
    message: 'Hello everyone in the chat!',
    created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  })
  t.strictSame(Object.keys(frame).sort(), ['chat_id', 'created_at', 'id', 'kind', 'message', 'sender', 'seq', 'type'])
  await a.silent(100)
  const stored = await bob.get(`${path}/messages`)
  const { type, ...message } = frame
  t.strictSame(stored.body, { items: [message], has_more_before: false, has_more_after: false })
})
