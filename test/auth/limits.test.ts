import t, { type Test } from 'tap'
import { build, type Client, type Server } from '../helper.ts'

const PASSWORD = 'correct horse'

/** Guesses at ann's password from an address until one is refused. Returns how many were answered, of `most`. */
async function guesses(server: Server, addressOf: (i: number) => string, most = 40): Promise<number> {
  for (let i = 0; i < most; i++) {
    const headers = { 'x-forwarded-for': addressOf(i) }
    const { status } = await server.stranger().post('/auth/login', { username: 'ann', password: 'wrong' }, headers)
    if (status === 429) return i
  }
  return most
}

t.test('an address is one, whatever its port and its place in a network of its own', async t => {
  const addresses: [name: string, addressOf: (i: number) => string, answered: number][] = [
    ['an IPv4 address with a port', i => `203.0.113.8:${40_000 + i}`, 30],
    ['the same without', () => '203.0.113.8', 0],
    ['the same, mapped into IPv6', () => '::ffff:203.0.113.8', 0],
    ['a /64', i => `2001:db8:0:1::${i.toString(16)}`, 30],
    ['the same with ports', i => `[2001:db8:0:1::${i}]:${40_000 + i}`, 0],
    ['the same in brackets', () => '[2001:DB8:0:1:ffff::1]', 0],
    ['what a client said before, and the proxy after it', i => `198.51.100.${i}, 203.0.113.8:${40_000 + i}`, 0],
    ['a chain of proxies with ports', i => `203.0.113.8:${i + 1}, 127.0.0.1:${40_000 + i}`, 0]
  ]
  const server = await build(t, { RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1' })
  // Without an account, a guess takes as long.
  for (const [name, addressOf, answered] of addresses) t.equal(await guesses(server, addressOf), answered, name)
  t.equal(await guesses(server, () => '2001:db8:0:2::1', 2), 2, 'another /64')
})

/** As many of `count` requests as were answered with 429. Past the network: a busy machine takes long for so many. */
async function refusals(server: Server, who: Client, count: number, method: 'PATCH' | 'DELETE', url: string) {
  const request = {
    method,
    url,
    headers: { cookie: who.cookie },
    ...(method === 'PATCH' && { payload: { display_name: 'A' } })
  }
  const replies = await Promise.all(Array.from({ length: count }, () => server.app.inject(request)))
  return replies.filter(({ statusCode }) => statusCode === 429).length
}

t.test('changes of an account are limited together, whatever they are', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const [ann, bob] = [await server.account('ann'), await server.account('bob')]
  stopTheClock(t)
  t.equal(await refusals(server, ann, 310, 'PATCH', '/users/me'), 10)
  const limited = await ann.patch('/users/me', { display_name: 'A' })
  t.match(limited, { status: 429, body: { code: 'RATE_LIMITED' } })
  t.equal(limited.headers.get('retry-after'), '3')
  for (const [method, path] of [
    ['DELETE', '/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA'],
    ['POST', '/auth/logout'],
    ['POST', '/chats']
  ] as const) {
    const body = path === '/chats' ? { title: 'x' } : undefined
    t.match(await ann.request(method, path, body), { status: 429, body: { code: 'RATE_LIMITED' } }, path)
  }
  for (const path of ['/auth/me', '/users', '/auth/sessions']) t.equal((await ann.get(path)).status, 200, path)
  t.equal((await bob.patch('/users/me', { display_name: 'B' })).status, 200, 'others go on')
  t.equal(await refusals(server, bob, 309, 'DELETE', '/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA'), 10)
})

t.test('a session guesses at the current password only so often', async t => {
  const server = await build(t, { RATE_LIMITS: 'on' })
  const ann = await server.register('ann', PASSWORD)
  const thief = await server.login('ann')
  const change = (who: Client, current_password: string) =>
    who.post('/auth/password', { current_password, new_password: 'battery staple' })
  for (let i = 0; i < 30; i++) t.equal((await change(thief, `guess ${i}`)).status, 403)
  const limited = await change(thief, PASSWORD)
  t.match(limited, { status: 429, body: { code: 'RATE_LIMITED' } })
  t.match(limited.headers.get('retry-after'), /^([1-9]|[1-5]\d|60)$/)
  t.equal((await change(ann, PASSWORD)).status, 204, 'the other session is not locked out')
})

/** The windows of limits then never end, however long a busy machine takes. */
function stopTheClock(t: Test): void {
  const { now } = performance
  const stopped = performance.now()
  performance.now = () => stopped
  t.teardown(() => {
    performance.now = now
  })
}

/** The clock of the system, as it is after `ms` were added. */
function setClock(t: Test, ms: number): void {
  const { now } = Date
  Date.now = () => now() + ms
  t.teardown(() => {
    Date.now = now
  })
}

for (const [name, ms] of [
  ['back', -3_600_000],
  ['forward', 3_600_000]
] as const) {
  t.test(`a clock that is set ${name} neither shuts nor opens a limit`, async t => {
    const server = await build(t, { RATE_LIMITS: 'on' })
    const register = () => server.app.inject({ method: 'POST', url: '/auth/register', payload: {} })
    for (let i = 0; i < 200; i++) await register()
    setClock(t, ms)
    for (let i = 0; i < 99; i++) await register()
    t.equal((await register()).statusCode, 400)
    const limited = await register()
    t.equal(limited.statusCode, 429)
    t.match(limited.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
  })
}
