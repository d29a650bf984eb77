import { Ajv } from 'ajv'
import t from 'tap'
import { outgoingExamples } from '../../src/schemas/frame-examples.ts'
import { build, type Json, type Server } from '../helper.ts'
import type { TestSocket } from '../socket.ts'

// The frames of the real server against /asyncapi.json: every type of frame, and every error that a client can cause.

const server = await build(t)
const { body: document }: Json = await server.stranger().get('/asyncapi.json')
const ajv = new Ajv({ strict: false, validateFormats: false })
ajv.addSchema(document, 'document')
const payload = (message: string) => ajv.compile({ $ref: `document#/components/messages/${message}/payload` })

/** Collects what sockets receive, each frame checked as its message says. */
class Witness {
  readonly types = new Set<string>()
  readonly codes = new Set<string>()
  readonly wrong: string[] = []

  watch({ ws }: TestSocket): void {
    ws.on('message', data => this.#see(JSON.parse(String(data))))
  }

  #see(frame: Json): void {
    this.types.add(frame.type)
    if (frame.type === 'error') this.codes.add(frame.code)
    const check = payload(`server.${frame.type}`)
    if (!check(frame)) this.wrong.push(`${ajv.errorsText(check.errors)}: ${JSON.stringify(frame)}`)
  }
}

/** More chats than `ready` counts the unread messages of. */
async function manyChats(server: Server, user_id: number): Promise<void> {
  for (let i = 0; i < 201; i++) await server.app.db.chats.create(user_id, { title: 'x' })
}

t.test('the server sends what the document says, and everything that it says', async t => {
  const server = await build(t)
  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  await ann.post(`${path}/messages`, { message: 'Hello' })
  await manyChats(server, bob.user.id)
  // `expiring` comes when a minute is left.
  await server.sql('update sessions set expires_at = ?', Date.now() + 60_500)
  const witness = new Witness()
  const b = await bob.v1('', { watch: socket => witness.watch(socket) })
  await b.next('unread')
  const a = await ann.v1(id)

  b.send({ type: 'resume', chats: [{ chat_id: id, after: 0 }] })
  await b.next('live')
  b.send({ type: 'send', chat_id: id, message: 'Hello Ann', client_id: 'c', data: { color: 'green' } })
  await b.next('ack')
  a.send({ message: 'Hello Bob', reply_to: 1 })
  await b.next('message')
  a.send({ type: 'typing' })
  await b.next('typing')
  a.send({ type: 'read', id: 2 })
  await b.next('read')
  b.send({ type: 'ping' })
  await b.next('pong')
  await ann.patch(path, { title: 'Close friends', data: { color: 'green' } })
  await b.next('chat')
  await ann.put(`${path}/messages/1/reactions/👍`)
  await ann.patch(`${path}/messages/1`, { message: 'Hi' })
  await ann.delete(`${path}/messages/1`)
  await ann.put(`${path}/members/${bob.user.id}`, { role: 'admin' })
  await ann.delete(`${path}/members/${bob.user.id}`)
  await ann.put(`${path}/members/${bob.user.id}`, { role: 'admin' })
  while ((await b.next('chat')).change !== 'added');
  while (!witness.types.has('expiring')) await b.next()
  void server.app.close()
  await b.next('bye')
  await b.closed()
  t.strictSame(witness.wrong, [])
  t.strictSame([...witness.types, 'error'].sort(), Object.keys(outgoingExamples).sort())
})

t.test('a client can cause these errors, and each is a code of the document', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const { id, people } = await server.chat('ann')
  const witness = new Witness()
  const watch = (socket: TestSocket) => witness.watch(socket)
  const all = await people[0].v1('', { watch })
  const causes: [frame: object | string, code: string][] = [
    ['{', 'INVALID_JSON'],
    [{ type: 'shout', message: 'x' }, 'UNKNOWN_TYPE'],
    [{ chat_id: id, message: '' }, 'VALIDATION_FAILED'],
    [{ message: 'x' }, 'VALIDATION_FAILED'],
    [{ chat_id: 999_999, message: 'x' }, 'CHAT_NOT_FOUND'],
    [{ type: 'resume', chats: [{ chat_id: 999_999, after: 0 }] }, 'CHAT_NOT_FOUND'],
    [{ chat_id: id, message: 'x', reply_to: 99 }, 'REPLY_TO_NOT_FOUND']
  ]
  for (const [frame, code] of causes) {
    all.send(frame)
    t.match(await all.next('error'), { code, detail: /\w/ }, JSON.stringify(frame))
  }
  for (const message of ['one', 'two']) all.send({ chat_id: id, message, client_id: 'c' })
  t.match(await all.next('error'), { code: 'CLIENT_ID_REUSED', client_id: 'c' })

  const plain = await people[0].socket(id, { watch })
  plain.send({ type: 'typing' })
  t.match(await plain.next('error'), { code: 'UNKNOWN_TYPE' })
  for (let i = 0; i < 350; i++) plain.send({ message: '' })
  let error: Json
  do error = await plain.next('error')
  while (error.code === 'VALIDATION_FAILED')
  t.match(error, { code: 'RATE_LIMITED', retry_after_ms: Number })
  t.strictSame(witness.wrong, [])
})

t.test('every frame that the document shows is accepted', async t => {
  const { id, people } = await server.chat('cas')
  const socket = await people[0].v1('')
  await people[0].post(`/chats/${id}/messages`, { message: 'x' })
  for (const [name, { examples }] of Object.entries<Json>(document.components.messages)) {
    if (!name.startsWith('client.')) continue
    for (const { payload: shown } of examples) {
      socket.send({ ...shown, ...('chat_id' in shown || !shown.type ? { chat_id: id } : {}) })
      socket.send({ type: 'ping' })
      const { type, code } = await socket.next()
      t.notMatch(code, /VALIDATION_FAILED|UNKNOWN_TYPE|INVALID_JSON/, `${name}: ${type}`)
    }
  }
})
