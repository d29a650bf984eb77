import { Writable } from 'node:stream'
import Fastify, { LogController } from 'fastify'
import t from 'tap'
import { requestLogger } from '../../src/http/request-logger.ts'

t.test("a request's logger writes what a child of the server's would", async t => {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(chunk))
      done()
    }
  })
  const app = Fastify({
    logger: { level: 'trace', stream },
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: requestLogger
  })
  app.get('/', async ({ log }) => {
    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
    for (const level of levels) log[level]({ level_was: level }, 'a line')
    log.child({ more: 1 }).info('of a child')
    return log.level
  })
  app.get('/quiet', { logLevel: 'error' }, async ({ log }) => {
    log.info('not written')
    log.error('written')
    return log.level
  })
  t.equal((await app.inject('/')).body, 'trace')
  t.equal((await app.inject('/quiet')).body, 'error')
  t.match(lines, [
    ...[10, 20, 30, 40, 50, 60].map(level => ({ level, reqId: 'req-1', msg: 'a line' })),
    { level: 30, reqId: 'req-1', more: 1, msg: 'of a child' },
    { level: 50, reqId: 'req-2', msg: 'written' }
  ])
  t.equal(lines.length, 8)
  await app.close()
})
