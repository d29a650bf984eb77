import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'

/** The interval and the resolution of the measurement of the event loop, in milliseconds. */
const INTERVAL_MS = 1000
const RESOLUTION_MS = 10
/** The server is overloaded when the mean delay of the event loop is above this. In milliseconds. */
const MAX_DELAY_MS = 1000

/**
 * Refuses requests with OVERLOADED while the event loop is late. @fastify/under-pressure does the same, but it calls
 * `process.memoryUsage()`, which throws when the process has no free file descriptors.
 */
async function pressure(app: FastifyInstance): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  let timer: NodeJS.Timeout | undefined
  let overloaded = false
  let wasLate = false

  // The measurement starts with the server, because a long start is not an overload.
  app.addHook('onListen', async () => {
    delay.enable()
    timer = setInterval(() => {
      // The first turn after a reset is not counted. If there was no other turn, the mean is NaN.
      const isLate = Number.isNaN(delay.mean) || delay.mean / 1e6 - RESOLUTION_MS > MAX_DELAY_MS
      // A single late interval is a stall that is over. Two in a row are an overload.
      overloaded = isLate && wasLate
      wasLate = isLate
      delay.reset()
    }, INTERVAL_MS).unref()
  })

  app.addHook('onRequest', (request, _reply, done) => {
    const refused = overloaded && !request.routeOptions.config.vital
    done(refused ? new ChatError('OVERLOADED', { retryAfter: 5 }) : undefined)
  })

  app.addHook('onClose', async () => {
    clearInterval(timer)
    delay.disable()
  })
}

export default fp(pressure, { name: 'pressure', dependencies: ['@fastify/websocket'] })
