import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Bus } from './bus.ts'
import { localBus } from './local.ts'

declare module 'fastify' {
  interface FastifyInstance {
    bus: Bus
  }
}

async function bus(app: FastifyInstance): Promise<void> {
  app.decorate('bus', localBus())
}

export default fp(bus, { name: 'bus' })
