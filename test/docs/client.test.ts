import { once } from 'node:events'
import { createServer, request as requestTo } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Client, type Message } from '../../docs/client.ts'
import { build, type Json, type Server } from '../helper.ts'
import { run } from '../scripts/run.ts'
import { until } from '../until.ts'
import { start } from './running.ts'

// The client that the documentation shows, as it is, against the real server.

function cutAll({ app }: Server): void {
  for (const socket of app.websocketServer.clients) socket.terminate()
}

t.test('two clients lose nothing and see nothing twice, though cut off and the server restarted', async t => {
  let server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const both = ['ann', 'bob'].map(name => ({ name, ...start(t, server.url, name, id) }))
  await until(() => server.app.websocketServer.clients.size === 2)

  const sent: Record<string, string[]> = { ann: [], bob: [] }
  const talk = async (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      for (const { name, client } of both) {
        const text = `${name} ${sent[name]?.length}`
        sent[name]?.push(text)
        client.send(text)
      }
      await sleep(5)
    }
  }

  await talk(20)
  // In the middle of sending, with acks under way.
  cutAll(server)
  await talk(20)
  const first = both[0]?.seen.find(({ sender }) => sender.id === people[0].user.id)
  await people[0].patch(`${path}/messages/${first?.id}`, { message: 'changed meanwhile' })
  await until(() => server.app.websocketServer.clients.size === 2)
  await talk(20)
  const [one] = server.app.websocketServer.clients
  one?.terminate()
  await talk(20)
  const stopped = server.app.close()
  await talk(20)
  await stopped
  await talk(20)
  server = await build(t, { ...server.settings, PORT: new URL(server.url).port })
  await talk(20)
  await until(() => both.every(({ client }) => client.unacked.size === 0))
  const history: Message[] = (await people[0].get(`${path}/messages?limit=200`)).body.items
  const older: Message[] = (await people[0].get(`${path}/messages?limit=200&before=${history[0]?.id}`)).body.items
  const all = [...older, ...history]
  await until(() => both.every(({ seen }) => new Set(seen.map(({ id }) => id)).size === all.length))

  t.equal(all.length, 280)
  for (const { name, seen } of both) {
    const mine = all.filter(({ sender }) => people.find(({ user }) => user.id === sender.id)?.user.username === name)
    t.strictSame(
      mine.map(({ id, message }) => (id === first?.id ? first.message : message)),
      sent[name],
      `what ${name} said is there, once, in order`
    )
    const seqs = seen.map(({ seq }) => seq)
    t.strictSame(
      seqs,
      [...new Set(seqs)].sort((a, b) => a - b),
      `${name} saw it in order, nothing twice`
    )
    const kept = new Map(seen.map(message => [message.id, message]))
    t.strictSame(
      [...kept.values()].sort((a, b) => a.id - b.id).map(({ id, seq, message }) => [id, seq, message]),
      all.map(({ id, seq, message }) => [id, seq, message]),
      `${name} has what the server has`
    )
  }
})

t.test('a session that ended is replaced, a chat that is lost is not', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const { client, seen, ended } = start(t, server.url, 'bob', id)
  const connected = () => server.app.websocketServer.clients.size === 1
  await until(connected)
  const sessions: Json = (await bob.get('/auth/sessions')).body
  for (const { id, current } of sessions.items) if (!current) await bob.delete(`/auth/sessions/${id}`)
  await until(() => !connected())
  await ann.post(`${path}/messages`, { message: 'Hello' })
  client.send('Hi')
  await until(() => seen.length === 2)
  t.strictSame(
    seen.map(({ message }) => message),
    ['Hello', 'Hi']
  )

  await ann.delete(`${path}/members/${bob.user.id}`)
  await t.rejects(ended, { message: /4403/ })
  await t.rejects(start(t, server.url, 'bob', id).ended, { message: /404/ })
  await t.rejects(new Client({ url: server.url, username: 'bob', password: 'wrong horse', chat_id: id }).run(), {
    message: /password is wrong/
  })
})

t.test('a text that is refused does not hold up the next', async t => {
  const server = await build(t)
  const { id } = await server.chat('ann')
  const { client, seen } = start(t, server.url, 'ann', id)
  const refused: unknown[] = []
  client.onRefused = (...why) => void refused.push(why)
  client.send('')
  client.send('Hello')
  await until(() => seen.length === 1)
  t.strictSame(refused, [['VALIDATION_FAILED', '']])
  t.match(seen, [{ id: 1, seq: 1, message: 'Hello' }])
})

t.test('a page of history that was overtaken by an edit replaces nothing', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann] = people
  const user = { id: ann.user.id, username: 'ann' }
  await server.app.db.log.append(
    Array.from({ length: 500 }, (_, i) => ({ type: 'send' as const, chat_id: id, user, text: `${i}` }))
  )
  const { client } = start(t, await distant(t, server.url), 'bob', id)
  await until(() => server.app.websocketServer.clients.size === 1)
  const edits = (async () => {
    for (let n = 0; n < 238; n++) {
      await ann.patch(`${path}/messages/${500 - ((n * 37) % 500)}`, { message: `edited ${n}` })
    }
  })()
  while (await client.loadOlder());
  await edits
  const { body } = await ann.get(path)
  await until(() => client.messages.size === 500)
  const stored = await server.app.db.messages.changes(id, 0, body.seq, 1000)
  await until(() => stored.every(({ id, seq }) => client.messages.get(id)?.seq === seq))
  t.strictSame(
    stored.filter(({ id, message }) => client.messages.get(id)?.message !== message),
    []
  )
})

t.test('after the return to a backup, the client has what a new one has', async t => {
  const directory = t.testdir({})
  const settings = { SECRET_KEY: 'x'.repeat(40), DATABASE_URL: `sqlite:///${directory}/confab.db` }
  let server = await build(t, settings)
  const { id, path, people } = await server.chat('ann', 'bob')
  const copy = `${directory}/copy.db`
  const { client } = start(t, server.url, 'bob', id)
  const resets: number[] = []
  client.onReset = () => void resets.push(client.messages.size)
  await until(() => server.app.websocketServer.clients.size === 1)
  const say = async (count: number) => {
    for (let n = 0; n < count; n++) {
      await server.client(people[0].cookie, people[0].user).post(`${path}/messages`, { message: `${server.url} ${n}` })
    }
  }
  await say(8)
  t.match(await run('db-backup.ts', '/', [copy], settings), { code: 0 })
  await say(4)
  await until(() => client.messages.size === 12)
  await server.app.close()
  t.match(await run('db-restore.ts', '/', [copy], settings), { code: 0 })
  server = await build(t, { ...settings, PORT: new URL(server.url).port })
  await say(3)
  await until(() => resets.length === 1)
  await until(() => client.messages.size === 11)
  const { items } = (await server.client(people[0].cookie, people[0].user).get(`${path}/messages`)).body
  const known = [...client.messages.values()].sort((a, b) => a.id - b.id)
  t.strictSame(
    known.map(({ id, seq, message }) => [id, seq, message]),
    items.map(({ id, seq, message }: Json) => [id, seq, message])
  )
})

/** The address of a proxy before a server, through which replies to HTTP requests take 40 ms longer than frames. */
async function distant(t: Test, url: string): Promise<string> {
  const proxy = createServer((request, reply) => {
    const { method, headers } = request
    const forwarded = requestTo(`${url}${request.url}`, { method, headers }, async response => {
      await sleep(40)
      reply.writeHead(response.statusCode ?? 500, response.headers)
      response.pipe(reply)
    })
    request.pipe(forwarded)
  })
  proxy.on('upgrade', (request, socket, head) => {
    const { port, hostname } = new URL(url)
    const server = connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []))
      server.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      server.write(head)
      server.pipe(socket).pipe(server)
    })
    for (const one of [server, socket]) one.on('error', () => undefined)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}
