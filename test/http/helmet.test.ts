import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import t from 'tap'
import { build } from '../helper.ts'

/** Headers of helmet that differ here on purpose, with the reason. */
const DIFFERENT: Record<string, string> = {
  'content-security-policy': 'stricter here: replies of the API need no content at all',
  'strict-transport-security': 'left to the proxy that terminates TLS'
}

/** The headers that helmet sets by default. */
function defaultsOfHelmet(): Record<string, unknown> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet()(request, response, error => {
    if (error) throw error
  })
  return { ...response.getHeaders() }
}

t.test('replies have the security headers that helmet sets by default', async t => {
  const server = await build(t)
  const defaults = defaultsOfHelmet()
  t.ok(Object.keys(defaults).length > 10)
  for (const path of ['/auth/me', '/health/live', '/nowhere', '/%ff']) {
    const { headers } = await server.stranger().get(path)
    for (const [name, value] of Object.entries(defaults)) {
      if (!DIFFERENT[name]) t.equal(headers.get(name), value, `${path}: ${name}`)
    }
    t.match(headers.get('content-security-policy'), "default-src 'none'")
    t.notOk(headers.has('x-powered-by'))
  }
  for (const name of Object.keys(DIFFERENT)) t.ok(name in defaults, `helmet still sets ${name}`)
})
