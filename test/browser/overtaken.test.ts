import t, { type Test } from 'tap'
import { build } from '../helper.ts'
import { launch } from './chromium.ts'
import { history } from './walk/history.ts'
import { Person } from './walk/person.ts'

// The page that is walked through keeps two rules of docs/protocol.md. Without them, it goes wrong.

const browser = await launch(t)

/** What a page lacks, or has in an old state, after a page of history and a reply were overtaken by frames. */
async function stale(t: Test, query: string): Promise<number[]> {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann] = people
  for (let n = 1; n <= 120; n++) await ann.post(`${path}/messages`, { message: `${n}` })
  const bob = await Person.arrive(t, browser, people[1], query)

  // The server has read message 3 for a page of history. Before the page arrives, message 3 changes.
  const read = Promise.withResolvers<void>()
  const changed = Promise.withResolvers<void>()
  bob.origin.onReply = async url => {
    if (!url.includes('before=')) return
    read.resolve()
    await changed.promise
  }
  await bob.open(id)
  const scrolled = bob.scrollToTheBeginning()
  await read.promise
  await ann.patch(`${path}/messages/3`, { message: 'changed' })
  await bob.until('the change', ({ chats }) => chats[0]?.cursor === 121)
  changed.resolve()
  await scrolled

  // A frame is on its way. The reply to a request that was made later arrives, the frame does not.
  bob.origin.hold()
  await ann.post(`${path}/messages`, { message: 'Hello' })
  await bob.page.evaluate(`walk.react(120, '👍')`)
  bob.origin.cut()
  bob.origin.pass()
  await bob.until('the end', ({ status }) => status === 'offline')
  await bob.until('a new beginning', ({ status, chats }) => status === 'online' && chats[0]?.cursor === 123)

  const messages = new Map((await bob.messages(id)).map(message => [message.id, message]))
  const stored = await history(ann, id)
  return stored.filter(message => messages.get(message.id)?.seq !== message.seq).map(({ id }) => id)
}

t.test('the rules of the page are needed', async t => {
  const queries = ['', '?keep=always', '?cursor=replies']
  const [kept, replacing, jumping] = await Promise.all(queries.map(query => stale(t, query)))
  t.strictSame(kept, [], 'with them, nothing is stale or lost')
  t.strictSame(replacing, [3], 'a page that replaces always goes back to an old state')
  t.strictSame(jumping, [122], 'a page that takes cursors from replies loses a message')
})
