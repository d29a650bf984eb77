import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import t from 'tap'
import { errorHandler } from '../../src/errors.ts'
import docs, { listPages } from '../../src/http/docs.ts'
import { build } from '../helper.ts'

t.test('the reference pages come with all they need, and a policy that lets nothing else in', async t => {
  const server = await build(t)
  const nobody = server.stranger()
  for (const path of ['/docs/', '/redoc']) {
    const page = await nobody.get(path)
    t.equal(page.status, 200, path)
    t.match(page.headers.get('content-type'), /^text\/html/)
    t.match(page.headers.get('content-security-policy'), "default-src 'none'; script-src 'self';")
    const scripts = [...page.body.matchAll(/src="([^"]+)"/g)].map(([, src]) => new URL(src, server.url + path))
    t.ok(scripts.length > 0)
    for (const { origin, pathname } of scripts) {
      t.equal(origin, server.url)
      t.equal((await nobody.get(pathname)).status, 200, pathname)
    }
  }
})

t.test('a page with a slash at its end leads to the page', async t => {
  const nobody = (await build(t)).stranger()
  for (const path of ['/redoc', '/asyncapi']) {
    const { origin } = new URL(nobody.server.url)
    const reply = await fetch(`${origin}${path}/`, { redirect: 'manual' })
    t.equal(reply.status, 302)
    // Relative, so that it holds behind a proxy too that serves the whole under a path.
    t.equal(reply.headers.get('location'), `..${path}`)
    t.match(await nobody.get(`${path}/`), { status: 200, body: (await nobody.get(path)).body }, path)
    t.match(await nobody.get(`${path}/nothing.js`), { status: 404, body: { code: 'NOT_FOUND' } })
  }
})

t.test('the document of the socket names the server as the proxy of the README passes it on', async t => {
  const server = await build(t, { TRUST_PROXY: '127.0.0.1' })
  // nginx with `Host $http_host` and `X-Forwarded-Proto $scheme`.
  const through = (host: string, scheme: string) =>
    server.app.inject({ url: '/asyncapi.json', headers: { host, 'x-forwarded-proto': scheme } })
  for (const [host, scheme, protocol] of [
    ['chat.example.com', 'https', 'wss'],
    ['chat.example.com:8443', 'https', 'wss'],
    ['127.0.0.1:8080', 'http', 'ws'],
    ['[::1]:8080', 'http', 'ws']
  ] as const) {
    t.match((await through(host, scheme)).json().servers.confab, { host, protocol })
  }
})

t.test('without its files, a page says how to install them, and is not listed', async t => {
  const assets = `${t.testdir({})}/`
  const app = Fastify()
  t.teardown(() => app.close())
  app.setErrorHandler(errorHandler)
  await app.register(swagger)
  await app.register(docs, { assets })
  for (const url of ['/redoc', '/asyncapi']) {
    const reply = await app.inject({ url })
    t.equal(reply.statusCode, 404, url)
    t.match(reply.json(), { code: 'NOT_FOUND', message: /not installed.*--omit=dev.*\/docs/ })
  }
  t.equal((await app.inject({ url: '/docs/' })).statusCode, 200)
  t.equal(listPages('http://a', assets), 'http://a/docs (try it out)')
  t.match(listPages('http://a'), 'http://a/redoc')
})
