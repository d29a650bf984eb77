import t from 'tap'
import { build } from '../helper.ts'
import { collector } from '../log-lines.ts'

t.test('a proxy that is not trusted is told of once, with what to do', async t => {
  for (const TRUST_PROXY of ['', '10.0.0.0/8,fd00::/8']) {
    for (const header of ['x-forwarded-for', 'x-forwarded-proto']) {
      const { lines, logger } = collector('info')
      const server = await build(t, { TRUST_PROXY }, logger)
      const nobody = server.stranger()
      const warnings = () => lines.filter(({ level }) => level === 40)
      t.equal((await nobody.get('/health/live')).status, 200)
      t.strictSame(warnings(), [])
      for (let i = 0; i < 3; i++) t.equal((await nobody.get('/health/live', { [header]: '203.0.113.8' })).status, 200)
      t.match(warnings(), [{ peer: '127.0.0.1', msg: /TRUST_PROXY/ }])
      t.equal(warnings().length, 1)
    }
  }
})

t.test('the log has the address that a trusted proxy names, without its port', async t => {
  for (const TRUST_PROXY of ['127.0.0.1, ::1', '127.0.0.0/8, fd00::/8']) {
    const { lines, logger } = collector('info')
    const server = await build(t, { TRUST_PROXY }, logger)
    const forwarded = ['203.0.113.8:40001', '[2001:db8::1]:40001', '[2001:db8::1]', '203.0.113.8', '2001:db8::1:4000']
    for (const address of forwarded) {
      const body = { username: 'ann', password: 'wrong' }
      t.equal((await server.stranger().post('/auth/login', body, { 'x-forwarded-for': address })).status, 401)
    }
    t.strictSame(
      lines.filter(({ msg }) => msg === 'login refused').map(({ ip }) => ip),
      ['203.0.113.8', '2001:db8::1', '2001:db8::1', '203.0.113.8', '2001:db8::1:4000']
    )
    t.notOk(
      lines.some(({ level }) => level >= 40),
      'and no warning'
    )
  }
})
