import t from 'tap'
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
