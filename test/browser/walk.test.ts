import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import type { Chat } from '../../src/schemas/chat.ts'
import { type Process, start } from '../faults/process.ts'
import type { Client } from '../helper.ts'
import { run } from '../scripts/run.ts'
import { launch } from './chromium.ts'
import { history } from './walk/history.ts'
import { Person } from './walk/person.ts'

// Two people in two browsers, with a page that was written from docs/protocol.md and nothing else.

const HISTORY = 1000
const EDITS = 238

const browser = await launch(t)

/** A server with the chats "Friends", which has a long history, and "Others", both of Ann and Bob. */
async function prepare(t: Test, cwd: string) {
  const server = await start(t, cwd)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const others: number = (await ann.post('/chats', { title: 'Others', member_ids: [bob.user.id] })).body.id
  const socket = await ann.v1(id)
  for (let n = 0; n < HISTORY; n++) socket.send({ message: `old ${n}` })
  for (let n = 0; n < HISTORY; n++) await socket.next('ack')
  server.kill('SIGTERM')
  await server.ended
  return { id, others, ann, bob }
}

/** Waits until each page has sent and received everything, and compares its messages with those of the server. */
async function compare(t: Test, what: string, people: Person[], chat_id: number): Promise<void> {
  for (const person of people) await person.until('acks', ({ chats }) => chats.every(({ waiting }) => waiting === 0))
  for (const person of people) {
    await person.until('what GET /chats says', async ({ chats }) => {
      const { items } = (await person.device.get('/chats')).body
      const stored = items.map(({ id, title, seq, read_id, unread_count }: Chat) => [
        id,
        title,
        seq,
        read_id,
        unread_count
      ])
      return isDeepStrictEqual(
        chats.map(({ id, title, cursor, read_id, unread }) => [id, title, cursor, read_id, unread]),
        stored
      )
    })
    const stored = await history(person.device, chat_id)
    const messages = await person.messages(chat_id)
    const { complete } = await person.chat(chat_id)
    const expected = complete ? stored : stored.filter(({ id }) => id >= (messages[0]?.id ?? 0))
    t.strictSame(messages, expected, `${what}: ${person.name} has every message, once, in order, as it is now`)
  }
}

t.test('two pages have at the end what fresh pages have', async t => {
  const cwd = t.testdir({})
  const { id, others, ...devices } = await prepare(t, cwd)
  let server: Process = await start(t, cwd, { env: { RATE_LIMITS: 'on' } })
  const arrive = (device: Client) => Person.arrive(t, browser, server.again(device), '?pong_ms=500&most_ms=1000')
  const [ann, bob] = await Promise.all([arrive(devices.ann), arrive(devices.bob)])
  const both = [ann, bob]
  const all = both.map(({ device }) => device.user.id)
  const restart = async () => {
    server = await start(t, cwd, { env: { RATE_LIMITS: 'on' } })
    for (const person of both) {
      person.device = server.again(person.device)
      person.origin.target = server.url
    }
  }

  await t.test('they see each other, and each other typing', async t => {
    t.equal((await bob.chat(id)).unread, 100)
    for (const person of both) await person.open(id)
    await bob.until('reading', ({ chats }) => chats.every(({ unread }) => unread === 0))
    for (const person of both) {
      await person.until('presence', ({ chats }) => chats.every(({ online }) => all.every(id => online.includes(id))))
    }
    const typing = bob.until('typing', ({ chats }) => chats.some(({ typing }) => typing.includes(ann.device.user.id)))
    await ann.page.locator('[name=text]').fill('Hel')
    await typing
    await ann.say('Hello')
    await bob.until('Hello', ({ last_line }) => last_line === 'ann: Hello')
    await bob.until('the end of typing', ({ chats }) => chats.every(({ typing }) => typing.length === 0))
    await bob.page.evaluate(`walk.react(${HISTORY + 1}, '👍')`)
    await ann.until('a reaction', ({ last_line }) => last_line === 'ann: Hello 👍1')
    await compare(t, 'after some talk', both, id)
  })

  await t.test('Ann edits while Bob scrolls back', async t => {
    const edits = ann.page.evaluate(`Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        for (; n < ${EDITS}; n += 6) await walk.edit(${HISTORY} - ((n * 37) % ${HISTORY}), 'edited ' + n)
      })
    )`)
    await bob.scrollToTheBeginning()
    await edits
    await ann.scrollToTheBeginning()
    for (const person of both) await person.scrollToTheEnd()
    t.equal((await bob.messages(id)).length, HISTORY + 1)
    await compare(t, 'after the edits', both, id)
  })

  await t.test('Ann is without a network for a while', async t => {
    await ann.context.setOffline(true)
    ann.origin.cut()
    await ann.until('offline', ({ status }) => status === 'offline')
    for (const text of ['one', 'two', 'three']) await ann.say(`${text} from a tunnel`)
    await bob.talk('meanwhile', 5)
    const [said] = (await bob.messages(id)).slice(-1)
    await bob.page.evaluate(`walk.edit(${said?.id}, 'changed meanwhile')`)
    await ann.context.setOffline(false)
    await compare(t, 'after the tunnel', both, id)
  })

  await t.test('a connection of Bob is dead, and nobody says so', async t => {
    bob.origin.hold()
    await ann.say('Can you hear me?')
    await bob.say('Hello?')
    await bob.context.setOffline(true)
    await bob.context.setOffline(false)
    await bob.until('the end', ({ status }) => status === 'offline')
    bob.origin.pass()
    await compare(t, 'after the silence', both, id)
  })

  await t.test('the server is restarted while both talk', async t => {
    const talk = Promise.all(both.map(person => person.talk(`${person.name} around a restart`, 25)))
    await sleep(200)
    server.kill('SIGTERM')
    await server.ended
    await restart()
    await talk
    await compare(t, 'after the restart', both, id)
  })

  await t.test('the server is killed while both talk', async t => {
    const talk = Promise.all(both.map(person => person.talk(`${person.name} around a kill`, 25)))
    await sleep(200)
    server.kill()
    await server.ended
    await restart()
    await talk
    await compare(t, 'after the kill', both, id)
  })

  await t.test('Bob reads on another device', async t => {
    const said: number[] = []
    for (const message of ['one', 'two', 'three', 'four']) {
      said.push((await ann.device.post(`/chats/${others}/messages`, { message })).body.id)
    }
    await bob.until('a count', ({ chats }) => chats.some(({ id, unread }) => id === others && unread === 4))
    await ann.device.delete(`/chats/${others}/messages/${said[1]}`)
    await bob.until('a lower count', ({ chats }) => chats.some(({ id, unread }) => id === others && unread === 3))
    await bob.device.put(`/chats/${others}/read`, { id: said[0] })
    await compare(t, 'after reading elsewhere', both, id)
    t.equal((await bob.chat(others)).unread, 2)
  })

  await t.test('sessions end, one with an open socket, one without', async t => {
    await endOtherSessions(bob.device)
    await bob.until('the login', ({ status }) => status === 'logged out')
    await ann.context.setOffline(true)
    ann.origin.cut()
    await endOtherSessions(ann.device)
    await ann.context.setOffline(false)
    await ann.until('the login', ({ status }) => status === 'logged out')
    for (const person of both) await person.say(`${person.name} is still here`)
    await ann.device.post(`/chats/${others}/messages`, { message: 'five' })
    await ann.device.patch(`/chats/${id}/messages/1`, { message: 'changed elsewhere' })
    for (const person of both) await person.logIn()
    await compare(t, 'after the logins', both, id)
  })

  await t.test('the server goes back to a backup', async t => {
    const settings = { DATABASE_URL: `sqlite:///${cwd}/confab.db` }
    t.match(await run('db-backup.ts', cwd, ['copy.db'], settings), { code: 0 })
    const { epoch } = await ann.state()
    await ann.say('Soon forgotten')
    await bob.until('a text', ({ last_line }) => last_line === 'ann: Soon forgotten')
    // A reply of this epoch is held until the next epoch has begun.
    const begun = Promise.withResolvers<void>()
    bob.origin.onReply = url => (url.includes('/reactions/') ? begun.promise : Promise.resolve())
    const [soon] = (await bob.messages(id)).slice(-1)
    const late = bob.page.evaluate(`walk.react(${soon?.id}, '👍')`)
    await bob.until('a reaction', ({ last_line }) => last_line === 'ann: Soon forgotten 👍1')
    server.kill('SIGTERM')
    await server.ended
    await bob.say('Not forgotten')
    t.match(await run('db-restore.ts', cwd, ['copy.db'], settings), { code: 0 })
    await restart()
    for (const person of both) await person.until('the other history', state => state.epoch !== epoch)
    begun.resolve()
    await late
    await compare(t, 'after the return', both, id)
    await Promise.all(both.map(person => person.scrollToTheBeginning()))
    for (const person of both) await person.scrollToTheEnd()
    await compare(t, 'after the return, with the whole history', both, id)
  })

  await Promise.all(both.map(person => compareWithFresh(t, person, id)))
})

/** Compares the state and the lines of a page with those of a new page of the same session. */
async function compareWithFresh(t: Test, person: Person, chat_id: number): Promise<void> {
  const fresh = await person.afresh()
  for (const page of [person, fresh]) {
    await page.until('titles and presence', ({ chats }) =>
      chats.every(({ title, online }) => title !== undefined && online.length === 2)
    )
  }
  const { chats } = await person.state()
  t.strictSame(
    (await fresh.state()).chats,
    chats.map(chat => ({ ...chat, complete: false })),
    `a fresh page of ${person.name} has the same chats`
  )
  await fresh.open(chat_id)
  await fresh.scrollToTheBeginning()
  t.strictSame(await fresh.lines(), await person.lines(), `a fresh page shows ${person.name} the same`)
  t.strictSame(person.errors, [], `nothing went wrong in the page of ${person.name}`)
  t.strictSame(await person.doubles(), [], `${person.name} never saw anything twice at the same time`)
}

async function endOtherSessions(device: Client): Promise<void> {
  const { items } = (await device.get('/auth/sessions')).body
  for (const { id, current } of items) if (!current) await device.delete(`/auth/sessions/${id}`)
}
