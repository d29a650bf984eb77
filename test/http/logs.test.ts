import { closeSync, openSync, readFileSync } from 'node:fs'
import Fastify from 'fastify'
import t from 'tap'
import { loggerOptions } from '../../src/http/logger.ts'
import { build } from '../helper.ts'
import { collector } from '../log-lines.ts'

const CANARY = 'canary-7f3a'

t.test('what people say and their secrets never reach the log', async t => {
  const { lines, logger } = collector()
  const server = await build(t, { LOG_LEVEL: 'trace' }, logger)
  const nobody = server.stranger()
  const password = `${CANARY}-password`
  const ann = await server.register('ann', password)
  const [, token = ''] = ann.cookie.split('=')
  const { id } = (await ann.post('/chats', { title: `${CANARY} title` })).body
  const message = `${CANARY} text`

  await ann.post(`/chats/${id}/messages`, { message })
  const socket = await ann.socket(`?chat_id=${id}`)
  socket.send({ message })
  socket.send({ message, unknown: CANARY })
  socket.send(`{"message":"${CANARY}`)
  t.match([await socket.next(), await socket.next()], [{ type: 'error' }, { type: 'error' }])
  socket.send(Buffer.from(CANARY))
  t.equal(await socket.closed(), 1003)

  const codes = [
    await nobody.post('/auth/login', { username: 'ann', password: `${CANARY}-wrong` }),
    await nobody.post('/auth/login', { username: 'ann', password, admin: CANARY }),
    await nobody.post('/auth/login', `{"password":"${CANARY}`),
    await nobody.post('/auth/register', { username: 'bob', password: 'short', display_name: CANARY }),
    await ann.post('/auth/password', { current_password: `${CANARY}-wrong`, new_password: `${CANARY}-new` }),
    await ann.get(`/search?query=${CANARY}`),
    await ann.get(`/users?query=${CANARY}`),
    await ann.get(`/users?${CANARY}=1`),
    await nobody.get('/auth/me', { cookie: `access_token=${token}x`, authorization: `Bearer ${CANARY}` }),
    await ann.get(`/%ff?${CANARY}`),
    await ann.refused(`/ws?chat_id=${CANARY}`)
  ].map(({ status, body }) => `${status} ${body.code}`)
  t.strictSame(
    codes.filter(code => code.startsWith('5')),
    []
  )
  await ann.patch(`/chats/${id}/messages/1`, { message: `${message} edited` })
  await ann.post('/auth/logout')

  const text = lines.map(line => JSON.stringify(line)).join('\n')
  t.ok(lines.length > 20, `${lines.length} lines`)
  for (const secret of [CANARY, token, ...token.split('.'), String(server.settings['SECRET_KEY'])]) {
    t.notOk(
      text.includes(secret),
      lines
        .filter(line => JSON.stringify(line).includes(secret))
        .map(line => JSON.stringify(line))
        .join('\n')
    )
  }
  const requests = lines.filter(({ msg }) => msg === 'request')
  t.match(
    requests.find(({ req }) => req.path === `/chats/${id}/messages`),
    {
      req: { method: 'POST', path: `/chats/${id}/messages`, ip: '127.0.0.1' },
      statusCode: 201,
      ms: Number,
      reqId: String
    }
  )
})

t.test('a password in the log by mistake is hidden', async t => {
  const { lines, logger } = collector()
  const server = await build(t, {}, logger)
  const secrets = { password: CANARY, cookie: CANARY, token: CANARY, headers: { cookie: CANARY } }
  server.app.log.info({ ...secrets, message: CANARY, body: secrets }, 'by mistake')
  t.match(lines.at(-1), { msg: 'by mistake', password: '[hidden]', body: { password: '[hidden]' } })
  t.notOk(JSON.stringify(lines.at(-1)).includes(CANARY), JSON.stringify(lines.at(-1)))
})

t.test('a failure is logged with its cause, under the id that the client was told', async t => {
  const { lines, logger } = collector('info')
  const server = await build(t, {}, logger)
  const ann = await server.account('ann')
  t.match(await ann.get('/auth/me'), { status: 200 })
  t.notOk(
    lines.some(({ level }) => level >= 40),
    'nothing to warn of so far'
  )
  t.notOk(
    lines.some(({ msg }) => msg === 'request'),
    'and no line for every request'
  )

  await server.app.db.close()
  const { body } = await ann.get('/auth/me')
  const [, id] = /\(request (\S+)\)$/.exec(body.message) ?? []
  const failures = lines.filter(({ level }) => level === 50)
  t.equal(failures.length, 1)
  t.match(failures[0], { reqId: id, msg: 'request failed', err: { message: String, stack: /\n +at / } })
  t.match(JSON.stringify(failures[0]), 'The database connection is not open')
})

t.test('a refused login says from where, and not who', async t => {
  const { lines, logger } = collector('info')
  const server = await build(t, {}, logger)
  await server.stranger().post('/auth/login', { username: 'ann', password: 'wrong horse' })
  const line = lines.find(({ msg }) => msg === 'login refused')
  t.match(line, { level: 30, ip: '127.0.0.1' })
  t.notMatch(JSON.stringify(line), 'ann')
})

t.test('however many messages cannot be stored at once, one line says why', async t => {
  const { lines, logger } = collector('info')
  const server = await build(t, {}, logger)
  const { id, people } = await server.chat('ann')
  const a = await people[0].v1(id)
  await server.sql("create trigger full before insert on messages begin select raise(abort, 'no space'); end")
  for (let i = 0; i < 5; i++) a.send({ type: 'send', client_id: `${i}`, message: 'Hi' })
  for (let i = 0; i < 5; i++) t.match(await a.next('error'), { code: 'STORAGE_FAILED', client_id: `${i}` })
  const failures = lines.filter(({ level }) => level === 50)
  t.match(failures, [{ msg: 'changes could not be stored', count: 5, err: { message: 'no space' } }])
  t.equal(failures.length, 1)
})

t.test('a terminal gets lines for people, everything else JSON', async t => {
  const file = `${t.testdir({})}/log`
  const fd = openSync(file, 'w')
  for (const terminal of [true, false]) {
    Fastify({ logger: loggerOptions('info', terminal, fd) }).log.info('Hello')
  }
  closeSync(fd)
  const [people, machines] = readFileSync(file, 'utf8').split('\n')
  // The time, then the level and the text, in colours.
  t.match(people, /^\[\d\d:\d\d:\d\d\] \S+INFO\S+: \S+Hello/)
  t.match(JSON.parse(machines ?? ''), { level: 30, msg: 'Hello' })
})
