import t from 'tap'
import { build, type Json } from '../helper.ts'
import { operationsOf } from './operations.ts'

// Whoever presses "Execute" in /docs meets the examples first: they have to work.

/** What cannot succeed with one account: the reason is in the reply. */
const REFUSED: Record<string, string> = {
  register: '409 USERNAME_TAKEN',
  endSession: '404 SESSION_NOT_FOUND',
  openDirectChat: '404 USER_NOT_FOUND',
  openSocket: '426 UPGRADE_REQUIRED'
}

t.test('every operation works as its examples show it, on a server with one account, chat and message', async t => {
  const probe = await build(t)
  const { body } = await probe.stranger().get('/openapi.json')
  const operations = operationsOf(body)
  t.ok(operations.length > 30)
  for (const { name } of operations) {
    const server = await build(t)
    const { path, people } = await server.chat('ann')
    await people[0].post(`${path}/messages`, { message: 'Hello everyone in the chat!' })
    const [operation] = operationsOf(server.app.swagger()).filter(other => other.name === name)
    const reply = await operation?.send(people[0])
    const outcome = `${reply?.status} ${reply?.body.code ?? ''}`.trim()
    t.match(outcome, REFUSED[name] ?? /^20[014]$/, name)
  }
})

t.test('the examples of optional parameters are left out', async t => {
  const server = await build(t)
  const { paths } = (await server.stranger().get('/openapi.json')).body
  for (const [path, methods] of Object.entries<Json>(paths)) {
    for (const { parameters = [] } of Object.values<Json>(methods)) {
      for (const { name, required, example, examples, schema } of parameters) {
        const shown = example ?? examples ?? schema.example
        // For a socket, one chat is the way that needs no subprotocol.
        if (!required && path !== '/ws') t.equal(shown, undefined, `${path} ${name}`)
        else if (required) t.not(shown, undefined, `${path} ${name}`)
      }
    }
  }
})

t.test('a search as shown finds the message as shown, and marks it as shown', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const operations = operationsOf(server.app.swagger())
  const send = (name: string) => operations.find(operation => operation.name === name)?.send(people[0])
  await send('sendMessage')
  const document: Json = server.app.swagger()
  const { example } = document.paths['/search'].get.responses[200].content['application/json']
  const reply = await send('searchMessages')
  t.equal(reply?.body.items[0].highlight, example.items[0].highlight)
  t.equal((await people[0].get(`${path}/messages`)).body.items[0].message, example.items[0].message)
})
