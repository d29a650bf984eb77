import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'

/**
 * Answers what no route takes with 404, also at an address that takes other methods: Allow and the text name those
 * (RFC 9110, section 10.2.1). Before all routes.
 */
async function notFound(app: FastifyInstance): Promise<void> {
  const routes: { pattern: RegExp; methods: string[] }[] = []

  app.addHook('onRoute', ({ url, method }) => {
    // The route of preflights, which is for every address.
    if (url === '*') return
    const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    const source = escaped.replace(/:\w+/g, '[^/]+').replace(/\*/g, '.*')
    routes.push({ pattern: new RegExp(`^${source}$`), methods: [method].flat() })
  })

  app.setNotFoundHandler(({ url, method }, reply) => {
    const [path = ''] = url.split('?')
    const found = routes.filter(({ pattern }) => pattern.test(path))
    if (found.length === 0) throw new ChatError('NOT_FOUND')
    const allowed = [...new Set(found.flatMap(({ methods }) => methods))].join(', ')
    reply.header('allow', allowed)
    throw new ChatError('NOT_FOUND', { detail: `This address does not take ${method}, but ${allowed}` })
  })
}

export default fp(notFound, { name: 'not-found' })
