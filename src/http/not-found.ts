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
    // Files, and preflights, which are for every address: whether there is something is for them to say.
    if (url.endsWith('*')) return
    const source = url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')
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
