import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify'
import type { Config } from '../config.ts'

/** Pretty lines in a terminal, JSON otherwise. Cookies, passwords, message texts and queries stay out of them. */
export function loggerOptions(
  level: Config['logLevel'],
  terminal = process.stdout.isTTY
): FastifyServerOptions['logger'] {
  const options = {
    level,
    redact: {
      paths: ['cookie', 'password', 'message', 'token', 'headers', '*.cookie', '*.password', '*.token', '*.headers'],
      censor: '[hidden]'
    },
    serializers: { req: ({ method, url, ip }: FastifyRequest) => ({ method, path: url.split('?', 1)[0], ip }) }
  }
  if (!terminal) return options
  const pretty = { colorize: true, ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss' }
  return { ...options, transport: { target: 'pino-pretty', options: pretty } }
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
