import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { build } from '../helper.ts'
import { until } from '../until.ts'

t.test('requests that arrive together leave turns to others', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  const crowd = await server.sql(`insert into users (username, display_name, password_hash, created_at)
    with recursive n (value) as (select 1 union all select value + 1 from n where value < 1000)
    select 'crowd' || value, 'x', '', 1 from n returning id`)
  const member_ids = crowd.map(({ id }) => id)
  const body = JSON.stringify({ title: 'Crowd', member_ids })
  const { port, hostname, host } = new URL(server.url)
  const head = [
    'POST /chats HTTP/1.1',
    `host: ${host}`,
    `cookie: ${ann.cookie}`,
    'content-type: application/json',
    `content-length: ${body.length}`
  ]
  const request = `${head.join('\r\n')}\r\n\r\n${body}`
  const socket = await bob.v1(id)
  await socket.next('ready')
  const connections = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const connection = connect(Number(port), hostname)
      t.teardown(() => connection.destroy())
      await once(connection, 'connect')
      return connection
    })
  )
  const open = promisify(server.app.server.getConnections.bind(server.app.server))
  await until(async () => (await open()) >= 51)
  let answered = 0
  const answers = connections.map(async connection => {
    const [data] = await once(connection, 'data')
    answered++
    return String(data).split('\r\n')[0]
  })
  for (const connection of connections) connection.write(request)
  socket.send({ type: 'ping' })
  await socket.next('pong')
  t.ok(answered < 25, `${answered} of 50 large requests were answered before a ping`)
  t.strictSame([...new Set(await Promise.all(answers))], ['HTTP/1.1 201 Created'])
})

t.test('a connection with any number of requests neither fills the memory nor holds up another one', async t => {
  const server = await build(t)
  const ann = await server.account('ann')
  const { port, hostname } = new URL(server.url)
  let begun = 0
  let open = 0
  let most = 0
  server.app.server.on('request', (_request, reply) => {
    begun++
    most = Math.max(most, ++open)
    reply.once('close', () => open--)
  })
  const connection = connect(Number(port), hostname)
  t.teardown(() => connection.destroy())
  await once(connection, 'connect')
  const REQUESTS = 50_000
  connection.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(REQUESTS))
  connection.resume()
  await until(() => begun >= 1000)
  t.equal((await ann.get('/auth/me')).status, 200)
  t.ok(begun < REQUESTS, `the other one is answered after ${begun} of ${REQUESTS}`)
  t.ok(most < 10_000, `${most} requests were open at once`)
})
