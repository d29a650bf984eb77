import { createRequire } from 'node:module'
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify'
import type { Config } from '../config.ts'
import { LogDestination } from './log-destination.ts'

const STDOUT = 1

/**
 * The options of the logger: pretty lines for a terminal, JSON lines otherwise, written to the file descriptor `fd`. The
 * lines never contain cookies, passwords, message texts or queries.
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

/** Returns a function that converts JSON lines to pretty lines. pino-pretty loads slowly, so only a terminal loads it. */
function prettifier(): (line: string) => string {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty')
  return prettyFactory({ colorize: true, ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss' })
}

const DEBUG_LEVELS = new Set(['debug', 'trace'])

/** Logs one line for each request, at debug level: writing the line takes longer than most requests. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(_error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    // The check comes first, so that other levels create neither the line nor the logger of the request.
    if (!DEBUG_LEVELS.has(request.log.level)) return
    request.log.debug({ req: request, statusCode: reply.statusCode, ms: reply.elapsedTime }, 'request')
  }
}
