import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'

type Options = Parameters<FastifyBaseLogger['child']>[1]

/**
 * The logger of one request, made when it is first written to. Most requests write nothing, and to make it, with what
 * has to be hidden from its lines, costs more than to route a request.
 */
class RequestLogger {
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Record<string, unknown>
  readonly #options: Options
  #made: FastifyBaseLogger | undefined

  constructor(parent: FastifyBaseLogger, bindings: Record<string, unknown>, options: Options) {
    this.#parent = parent
    this.#bindings = bindings
    this.#options = options
  }

  get logger(): FastifyBaseLogger {
    this.#made ??= this.#parent.child(this.#bindings, this.#options)
    return this.#made
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
  // Its methods are defined above, all in the same way.
  new RequestLogger(logger, bindings, options) as unknown as FastifyBaseLogger
