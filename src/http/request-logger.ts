import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'

type Options = Parameters<FastifyBaseLogger['child']>[1]

/**
 * The logger of one request. It creates pino's child logger with the first line. Most requests log nothing, and creating
 * a child logger with redaction takes longer than routing a request.
 */
class RequestLogger {
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Record<string, unknown>
  readonly #options: Options
  #child: FastifyBaseLogger | undefined

  constructor(parent: FastifyBaseLogger, bindings: Record<string, unknown>, options: Options) {
    this.#parent = parent
    this.#bindings = bindings
    this.#options = options
  }

  get logger(): FastifyBaseLogger {
    this.#child ??= this.#parent.child(this.#bindings, this.#options)
    return this.#child
  }

  get level() {
    return this.#options?.level ?? this.#parent.level
  }
}

for (const method of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent', 'child'] as const) {
  Object.defineProperty(RequestLogger.prototype, method, {
    value(this: RequestLogger, ...args: unknown[]) {
      return Reflect.apply(this.logger[method], this.logger, args)
    }
  })
}

/** Fastify's `childLoggerFactory`. */
export const requestLogger: NonNullable<FastifyServerOptions['childLoggerFactory']> = (logger, bindings, options) =>
  // The loop above defines the methods of FastifyBaseLogger, which TypeScript cannot see.
  new RequestLogger(logger, bindings, options) as unknown as FastifyBaseLogger
