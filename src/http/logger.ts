import { createRequire } from 'node:module'
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify'
import type { Config } from '../config.ts'
import { LogDestination } from './log-destination.ts'

const STDOUT = 1

/**
 * Pretty lines in a terminal, JSON otherwise, to the file descriptor `fd`. Cookies, passwords, message texts and queries
 * stay out of them.
 */
export function loggerOptions(level: Config['logLevel'], terminal = process.stdout.isTTY, fd = STDOUT) {
  return {
    level,
    redact: {
      paths: ['cookie', 'password', 'message', 'token', 'headers', '*.cookie', '*.password', '*.token', '*.headers'],
      censor: '[hidden]'
    },
    serializers: { req: ({ method, url, ip }: FastifyRequest) => ({ method, path: url.split('?', 1)[0], ip }) },
    stream: new LogDestination(fd, terminal ? prettifier() : undefined)
  } satisfies FastifyServerOptions['logger']
}

/** Makes lines for people of lines in JSON. Loaded in a terminal only, since it takes long. */
function prettifier(): (line: string) => string {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty')
  return prettyFactory({ colorize: true, ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss' })
}

const TALKATIVE = new Set(['debug', 'trace'])

/** One line a request, at debug level: at info, a line for every request would cost more than most requests. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(_error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    // Before anything is put together, or a logger made, for a line that is not written.
    if (!TALKATIVE.has(request.log.level)) return
    request.log.debug({ req: request, statusCode: reply.statusCode, ms: reply.elapsedTime }, 'request')
  }
}
