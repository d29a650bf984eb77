import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../config.ts'
import { ChatError } from '../errors.ts'
import chatRoutes from './routes/chats.ts'
import memberRoutes from './routes/members.ts'
import messageRoutes from './routes/messages.ts'
import reactionRoutes from './routes/reactions.ts'
import searchRoutes from './routes/search.ts'
import socketRoutes from './routes/socket.ts'
import { chatServices } from './services.ts'
import { shutDown } from './shutdown.ts'

/** Chats over HTTP and WebSocket: builds the services, and registers hooks and routes. */
const chat: FastifyPluginAsync<Config> = async (app, config) => {
  const services = chatServices(app, config)
  app.bus.subscribe(event => services.events.handle(event))
  app.addHook('preClose', () => shutDown(services))
  app.addHook('preValidation', app.authenticate)
  app.addHook('preHandler', app.limitChanges)
  app.register(async app => {
    // Back-pressure: changes of members and settings cause events for sockets.
    app.addHook('preHandler', async ({ method }) => {
      if (method !== 'GET' && services.events.overloaded) throw new ChatError('OVERLOADED', { retryAfter: 1 })
    })
    app.register(chatRoutes, services)
    app.register(memberRoutes, services)
  })
  app.register(messageRoutes, services)
  app.register(reactionRoutes, services)
  app.register(searchRoutes)
  app.register(socketRoutes, { ...services, ...config })
}

export default chat
