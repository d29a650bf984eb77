import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'
import { ChatError } from '../errors.ts'
import { REVALIDATED } from './headers.ts'

/** Files that `npm install` copies here from packages of the same version; see scripts/copy-assets.js. */
const ASSETS = fileURLToPath(new URL('./assets/', import.meta.url))

/** Everything from this server, nothing inline but styles, which the pages make as they run. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'"
].join('; ')

const REDOC_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confab: the reference</title>
<link rel="icon" href="data:,">
<style>body { margin: 0 }</style>
</head>
<body>
<redoc spec-url="openapi.json" disable-google-font="true" required-props-first="true"></redoc>
<script src="redoc/redoc.standalone.js"></script>
</body>
</html>
`

const ASYNCAPI_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confab: the socket</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="asyncapi/default.min.css">
<style>
body { margin: 0; font-family: system-ui, sans-serif }
.aui-root .prose code::before, .aui-root .prose code::after { content: none }
#operations .shadow > ul:has([href*='media-types']) { display: none }
@media (min-width: 1024px) {
  .aui-root .burger-menu { display: none }
  .aui-root .sidebar { display: block; position: relative; width: 16rem; height: auto }
  .aui-root .sidebar--content { width: 14rem }
}
</style>
</head>
<body>
<div id="asyncapi"></div>
<script src="asyncapi/without-parser.js"></script>
<script src="asyncapi/page.js" type="module"></script>
</body>
</html>
`

/** The pages whose files are copied, by their path. */
const PAGES = { redoc: REDOC_PAGE, asyncapi: ASYNCAPI_PAGE }

const MISSING =
  'The files of this page are not installed: `npm install` without --omit=dev brings them. /docs works without'

/**
 * The reference as pages: /docs to try it out, /redoc to read, /asyncapi for the socket. All work without a network. The
 * files of the last two are in the directory `assets`.
 */
const docs: FastifyPluginAsync<{ assets?: string }> = async (app, { assets = ASSETS }) => {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(REVALIDATED)
    done()
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', CSP)
  })

  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CSP,
    uiConfig: { deepLinking: true, tryItOutEnabled: true, validatorUrl: null }
  })

  const hidden = { schema: { hide: true } }
  for (const [name, page] of Object.entries(PAGES)) {
    app.get(`/${name}/`, hidden, async (_request, reply) => reply.redirect(`../${name}`))
    app.get(`/${name}`, hidden, async (_request, reply) => {
      if (!existsSync(assets + name)) throw new ChatError('NOT_FOUND', { detail: MISSING })
      return reply.type('text/html').send(page)
    })
    if (!existsSync(assets + name)) continue
    app.register(fastifyStatic, { root: assets + name, prefix: `/${name}/`, index: false, decorateReply: false })
  }
  const script = readFileSync(new URL('./asyncapi-page.js', import.meta.url), 'utf8')
  app.get('/asyncapi/page.js', hidden, async (_request, reply) => reply.type('text/javascript').send(script))
}

/** Where to read the reference, in words: the pages that have their files in `assets`. */
export function listPages(url: string, assets = ASSETS): string {
  const others = existsSync(`${assets}redoc`) ? `, ${url}/redoc and, for the socket, ${url}/asyncapi` : ''
  return `${url}/docs (try it out)${others}`
}

export default docs
