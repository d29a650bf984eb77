import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyServerOptions } from 'fastify'
import auth from './auth/plugin.ts'
import bus from './bus/plugin.ts'
import access from './chat/access.ts'
import chat from './chat/plugin.ts'
import type { Config } from './config.ts'
import db from './db/plugin.ts'
import { errorHandler } from './errors.ts'
import asyncapi from './http/asyncapi.ts'
import closing from './http/closing.ts'
import docs from './http/docs.ts'
import fairTurns from './http/fair-turns.ts'
import headers from './http/headers.ts'
import health from './http/health.ts'
import host from './http/host.ts'
import input from './http/input.ts'
import notFound from './http/not-found.ts'
import openapi from './http/openapi.ts'
import proxies from './http/proxies.ts'
import security from './http/security.ts'
import { serializerCompiler } from './http/serializers.ts'
import { serverOptions, sockets } from './http/server.ts'
import { validationError, validatorCompiler } from './validation.ts'

/** Builds the whole server, ready to listen. All plugins are registered here, in the order of their dependencies. */
export async function buildApp(config: Config, logger: NonNullable<FastifyServerOptions['logger']> = false) {
  const app = Fastify({ ...serverOptions(config), logger }).withTypeProvider<TypeBoxTypeProvider>()
  app.setErrorHandler(errorHandler)
  app.setValidatorCompiler(validatorCompiler)
  app.setSchemaErrorFormatter(validationError)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(notFound)

  await app.register(sockets)
  await app.register(fairTurns)
  await app.register(headers, config)
  await app.register(host)
  await app.register(input)
  await app.register(closing)
  await app.register(proxies, config)
  await app.register(security, config)
  await app.register(openapi, config)
  await app.register(db, config)
  await app.register(bus)
  await app.register(auth, config)
  await app.register(access)
  await app.register(chat, config)
  await app.register(health, { prefix: '/health' })
  await app.register(asyncapi, config)
  await app.register(docs)
  return app
}
