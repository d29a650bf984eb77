import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'

/** How long the event loop is measured for each time, and how finely. In milliseconds. */
const EVERY_MS = 1000
const RESOLUTION_MS = 10
/** A server whose event loop was later than this in the mean cannot keep up. In milliseconds. */
const LATE_MS = 1000

/**
 * Turns requests away while the server cannot keep up. Asks the system for nothing: without file descriptors, Node
 * cannot even read how much memory it has.
 */
async function pressure(app: FastifyInstance): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  let timer: NodeJS.Timeout | undefined
  let late = false
  let lateBefore = false

  // A long start is no overload.
  app.addHook('onListen', async () => {
    delay.enable()
    timer = setInterval(() => {
      // The first turn after a reset is not counted: when there was no other, the mean is NaN.
      const lateNow = Number.isNaN(delay.mean) || delay.mean / 1e6 - RESOLUTION_MS > LATE_MS
      // Twice in a row: once is a stall, which is over.
      late = lateNow && lateBefore
      lateBefore = lateNow
      delay.reset()
    }, EVERY_MS).unref()
  })

  app.addHook('onRequest', (request, _reply, done) => {
    const refused = late && !request.routeOptions.config.vital
    done(refused ? new ChatError('OVERLOADED', { retryAfter: 5 }) : undefined)
  })

  app.addHook('onClose', async () => {
    clearInterval(timer)
    delay.disable()
  })
}

export default fp(pressure, { name: 'pressure', dependencies: ['@fastify/websocket'] })
