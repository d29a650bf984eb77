import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'

/** Files that `npm install` copies here from packages of the same version; see scripts/copy-assets.ts. */
const ASSETS = fileURLToPath(new URL('./assets/', import.meta.url))

/** Everything from this server, nothing inline but styles, which both pages make as they run. */
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

/** The reference as pages: /docs to try it out, /redoc to read. Both work without a network. */
const docs: FastifyPluginAsync = async app => {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', CSP)
  })

  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CSP,
    uiConfig: { deepLinking: true, tryItOutEnabled: true, validatorUrl: null }
  })

  app.register(fastifyStatic, { root: `${ASSETS}redoc`, prefix: '/redoc/', index: false, decorateReply: false })
  app.get('/redoc', { schema: { hide: true } }, async (_request, reply) => reply.type('text/html').send(REDOC_PAGE))
}

export default docs
