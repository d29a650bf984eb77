import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError, catalogue, errorBody } from '../errors.ts'

/**
 * Refuses requests of HTTP/1.1, also upgrades, without exactly one Host header (RFC 9112, section 3.2), and those with an
 * expectation other than `100-continue` (RFC 9110, section 10.1.1). Node checks a part of this, but answers without a body.
 */
async function host(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const hosts = countHosts(raw)
    if (hosts > 1) done(new ChatError('BAD_REQUEST', { detail: 'The request has more than one Host header' }))
    else if (hosts === 0 && raw.httpVersion !== '1.0') {
      done(new ChatError('BAD_REQUEST', { detail: 'The request has no Host header' }))
    } else done()
  })
  app.server.on('checkExpectation', refuseExpectation)
  app.addHook('onClose', async () => void app.server.off('checkExpectation', refuseExpectation))
}

/** Counts the Host headers. `headers.host` has only the first one. */
function countHosts({ rawHeaders }: IncomingMessage): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const text = JSON.stringify(errorBody('EXPECTATION_FAILED'))
  response.writeHead(catalogue.EXPECTATION_FAILED.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close'
  })
  response.end(text)
}

export default fp(host, { name: 'host', dependencies: ['@fastify/websocket'] })
