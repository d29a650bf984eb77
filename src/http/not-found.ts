import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ChatError } from '../errors.ts'

/**
 * Answers 404 when no route matches, also at an address that supports other methods. `Allow` and the text then list those
 * methods (RFC 9110, section 10.2.1). It must be registered before all routes.
 */
async function notFound(app: FastifyInstance): Promise<void> {
  const routes: { pattern: RegExp; methods: string[] }[] = []

  app.addHook('onRoute', ({ url, method }) => {
    // Wildcard routes serve files and preflights, and decide themselves whether something exists.
    if (url.endsWith('*')) return
    const source = url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')
    routes.push({ pattern: new RegExp(`^${source}$`), methods: [method].flat() })
  })

  app.setNotFoundHandler(({ url, method }, reply) => {
    const [path = ''] = url.split('?')
    const matching = routes.filter(({ pattern }) => pattern.test(path))
    if (matching.length === 0) throw new ChatError('NOT_FOUND')
    const allowed = [...new Set(matching.flatMap(({ methods }) => methods))].join(', ')
    reply.header('allow', allowed)
    throw new ChatError('NOT_FOUND', { detail: `This address supports ${allowed}, not ${method}` })
  })
}

export default fp(notFound, { name: 'not-found' })
