import t, { type Test } from 'tap'
import { build } from '../helper.ts'
import { launch } from './chromium.ts'
import { history } from './walk/history.ts'
import { Person } from './walk/person.ts'

// The page follows the rules of docs/protocol.md. These tests break one rule each, and show its effect.

const browser = await launch(t)

/** Opens a chat and scrolls back. The server has read a page of history; it arrives when the returned function is called. */
async function scrollBack(person: Person, chat_id: number): Promise<() => Promise<void>> {
  const read = Promise.withResolvers<void>()
  const arrive = Promise.withResolvers<void>()
  person.origin.onReply = async url => {
    if (!url.includes('before=')) return
    read.resolve()
    await arrive.promise
  }
  await person.open(chat_id)
  const scrolled = person.scrollToTheBeginning()
  await read.promise
  return () => {
    arrive.resolve()
    return scrolled
  }
}

/** Returns the messages that a page lacks or has in an old state, after frames and replies arrived out of order. */
async function stale(t: Test, query: string): Promise<number[]> {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann] = people
  const say = (message: string) => ann.post(`${path}/messages`, { message })
  for (let n = 1; n <= 120; n++) await say(`${n}`)
  const bob = await Person.arrive(t, browser, people[1], query)
  const upTo = (seq: number) =>
    bob.until(`${seq}`, ({ status, chats: [chat] }) => status === 'online' && chat?.cursor === seq)

  // The server has read message 3 for a page of history. Before the page arrives, message 3 changes.
  const arrive = await scrollBack(bob, id)
  await ann.patch(`${path}/messages/3`, { message: 'changed' })
  await upTo(121)
  await arrive()

  // Message 122 is on its way in a frame. The reply to a request that was made later arrives, the frame does not.
  bob.origin.hold()
  await say('Hello')
  await bob.page.evaluate(`walk.react(120, '👍')`)
  bob.origin.cut()
  await bob.until('the end', ({ status }) => status === 'offline')
  bob.origin.pass()
  await upTo(123)

  // Message 124 was missed. The page asks for it, but the connection is cut when only message 125 has arrived.
  bob.origin.cut()
  await bob.until('the end', ({ status }) => status === 'offline')
  await say('Are you there?')
  bob.origin.hold('page')
  await bob.until('ready', ({ status }) => status === 'online')
  await say('Hello?')
  await bob.until('a text', ({ last_line }) => last_line === 'ann: Hello?')
  bob.origin.cut()
  await bob.until('the end', ({ status }) => status === 'offline')
  bob.origin.pass()
  await upTo(125)

  const messages = new Map((await bob.messages(id)).map(message => [message.id, message]))
  const stored = await history(ann, id)
  return stored.filter(message => messages.get(message.id)?.seq !== message.seq).map(({ id }) => id)
}

t.test('the rules of the page are needed', async t => {
  const queries = ['', '?keep=always', '?cursor=replies', '?cursor=early']
  const [kept, replacing, jumping, hasty] = await Promise.all(queries.map(query => stale(t, query)))
  t.strictSame(kept, [], 'with them, nothing is stale or lost')
  t.strictSame(replacing, [3], 'a page that replaces always goes back to an old state')
  t.strictSame(jumping, [122], 'a page that takes cursors from replies loses a message')
  t.strictSame(hasty, [124], 'a page that moves the cursor during a replay loses a message')
})

t.test('what was lost on the way to the server is sent again', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann] = people
  await ann.post(`${path}/messages`, { message: 'Hello' })
  const bob = await Person.arrive(t, browser, people[1])
  await bob.open(id)
  await bob.until('reading', ({ chats }) => chats[0]?.unread === 0)

  const socket = await ann.v1(id)
  bob.origin.hold('page')
  await ann.post(`${path}/messages`, { message: 'Are you there?' })
  await bob.until('reading', ({ chats }) => chats[0]?.read_id === 2)
  bob.origin.cut()
  bob.origin.pass()
  while ((await socket.next('read')).id < 2);

  bob.origin.hold('page')
  await bob.say('Yes')
  bob.origin.cut()
  bob.origin.pass()
  await bob.until('an ack', ({ chats }) => chats[0]?.waiting === 0)

  // The ack of the second "Yes" is lost, and comes again after the message.
  bob.origin.hold()
  await bob.say('Yes')
  while ((await socket.next('message')).id < 4);
  bob.origin.cut()
  bob.origin.pass()
  await bob.until('an ack', ({ chats, last_line }) => chats[0]?.waiting === 0 && last_line === 'bob: Yes')
  t.strictSame(await bob.lines(), ['ann: Hello', 'ann: Are you there?', 'bob: Yes', 'bob: Yes'])
  t.strictSame(await bob.doubles(), [])
})

t.test('a page that was away for long begins anew, and drops a reply to an earlier request', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann] = people
  const say = (message: string) => ann.post(`${path}/messages`, { message })
  for (let n = 1; n <= 120; n++) await say(`${n}`)
  const bob = await Person.arrive(t, browser, people[1], '?far=5')
  const arrive = await scrollBack(bob, id)
  bob.origin.cut()
  await bob.until('the end', ({ status }) => status === 'offline')
  await ann.patch(`${path}/messages/3`, { message: 'changed' })
  for (let n = 121; n <= 130; n++) await say(`${n}`)
  await bob.until('the latest page', ({ last_line }) => last_line === 'ann: 130')
  await arrive()
  t.strictSame(await bob.messages(id), await history(ann, id))
})
