import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'
import { ChatError } from '../errors.ts'
import { REVALIDATED } from './headers.ts'

/** Browser files of development packages. `npm install` copies them here, see scripts/copy-assets.js. */
const ASSETS = fileURLToPath(new URL('./assets/', import.meta.url))

/** The Content-Security-Policy of the pages: files of this server only. Inline styles, because the viewers create some. */
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

/** The icon of all pages: a speech bubble. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
  '<path fill="#2563eb" d="M5 4h22a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H14l-7 6v-6H5a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3z"/>' +
  '<path stroke="#fff" stroke-width="2.5" stroke-linecap="round" d="M8 11h16M8 17h10"/></svg>'
const ICON_LINK = `<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,${encodeURIComponent(ICON)}">`

/**
 * Hides the "Authorize" buttons: the session cookie is HttpOnly, so a page cannot set it, and the login operation on the
 * page sets it. Hides the list of servers: requests go to the server of the page.
 */
const DOCS_CSS = `
.swagger-ui .scheme-container, .swagger-ui .authorization__btn { display: none }
.swagger-ui .info { margin: 24px 0 }
`

const REDOC_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confab: HTTP API</title>
${ICON_LINK}
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
<title>Confab: WebSocket</title>
${ICON_LINK}
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

/** The pages that need copied files, by their path. */
const PAGES = { redoc: REDOC_PAGE, asyncapi: ASYNCAPI_PAGE }

const MISSING = 'The files of this page are not installed. `npm install` without --omit=dev installs them. Or use /docs'

/**
 * The pages of the API reference: /docs to try the API, /redoc to read it, /asyncapi for the socket. They load files from
 * this server only. `assets` is the directory of the files of /redoc and /asyncapi.
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
    // BaseLayout has no bar at the top, with a logo and a field for the address of another document.
    uiConfig: { layout: 'BaseLayout', deepLinking: true, tryItOutEnabled: true, validatorUrl: null },
    theme: {
      title: 'Confab: try the HTTP API',
      css: [{ filename: 'confab.css', content: DOCS_CSS }],
      favicon: [{ filename: 'icon.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: ICON }]
    }
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

/** Lists the addresses of the pages of the API reference, for the log. Pages without files in `assets` are omitted. */
export function listPages(url: string, assets = ASSETS): string {
  const others = existsSync(`${assets}redoc`) ? `, ${url}/redoc and, for the socket, ${url}/asyncapi` : ''
  return `${url}/docs (try it out)${others}`
}

export default docs
