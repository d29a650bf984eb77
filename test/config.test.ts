import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig, loadDatabaseFile } from '../src/config.ts'
import { load, NO_FILE, refusal, SECRET_KEY } from './settings.ts'

t.test('a secret is all that has to be set', async t => {
  t.strictSame(load({}), {
    databaseFile: 'confab.db',
    secretKey: SECRET_KEY,
    algorithm: 'HS256',
    host: '127.0.0.1',
    port: 8000,
    logLevel: 'info',
    allowedOrigins: new Set(),
    registrationOpen: true,
    cookie: { name: 'access_token', secure: 'auto', sameSite: 'lax', partitioned: false },
    sessionTtl: 604_800,
    rateLimits: true,
    trustProxy: []
  })
})

t.test('every setting is heard', async t => {
  const env = {
    DATABASE_URL: 'sqlite:////srv/chat.db',
    ALGORITHM: 'HS512',
    HOST: '::',
    PORT: '0',
    LOG_LEVEL: 'silent',
    ALLOWED_ORIGINS: 'https://Chat.example.com, http://localhost:3000 ,https://a.example:443',
    REGISTRATION: 'closed',
    COOKIE_NAME: '__Host-token',
    COOKIE_SECURE: 'true',
    COOKIE_SAMESITE: 'none',
    COOKIE_PARTITIONED: 'true',
    SESSION_TTL: '60',
    RATE_LIMITS: 'off',
    TRUST_PROXY: '127.0.0.1, 10.0.0.0/8,fd00::/8'
  }
  t.strictSame(load(env), {
    databaseFile: '/srv/chat.db',
    secretKey: SECRET_KEY,
    algorithm: 'HS512',
    host: '::',
    port: 0,
    logLevel: 'silent',
    allowedOrigins: new Set(['https://chat.example.com', 'http://localhost:3000', 'https://a.example']),
    registrationOpen: false,
    cookie: { name: '__Host-token', secure: true, sameSite: 'none', partitioned: true },
    sessionTtl: 60,
    rateLimits: false,
    trustProxy: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8']
  })
})

const WRONG: [variable: string, value: string, allowed: string][] = [
  ['DATABASE_URL', 'postgres://localhost/confab', 'sqlite:///file.db'],
  ['DATABASE_URL', 'sqlite:///', 'sqlite:///file.db'],
  ['DATABASE_URL', 'confab.db', 'sqlite:///file.db'],
  ['ALGORITHM', 'none', 'one of HS256, HS384, HS512'],
  ['ALGORITHM', 'RS256', 'one of HS256, HS384, HS512'],
  ['HOST', '', 'an address or a host name'],
  ['PORT', 'http', 'an integer from 0 to 65535'],
  ['PORT', '', 'an integer from 0 to 65535'],
  ['PORT', '65536', 'an integer from 0 to 65535'],
  ['PORT', '-1', 'an integer from 0 to 65535'],
  ['PORT', '80.5', 'an integer from 0 to 65535'],
  ['PORT', 'Infinity', 'an integer from 0 to 65535'],
  ['PORT', '1e3', 'an integer from 0 to 65535'],
  ['PORT', '0x1f90', 'an integer from 0 to 65535'],
  ['PORT', ' 8000', 'an integer from 0 to 65535'],
  ['LOG_LEVEL', 'verbose', 'one of fatal, error, warn, info, debug, trace, silent'],
  ['ALLOWED_ORIGINS', '*', 'such as https://chat.example.com'],
  ['ALLOWED_ORIGINS', 'chat.example.com', 'such as https://chat.example.com'],
  ['ALLOWED_ORIGINS', 'https://chat.example.com/path', 'such as https://chat.example.com'],
  ['ALLOWED_ORIGINS', 'https://a.example,ftp://b.example', 'such as https://chat.example.com'],
  ['ALLOWED_ORIGINS', 'https://*.example.com', 'without wildcards'],
  ['ALLOWED_ORIGINS', 'https://chat.example.*', 'without wildcards'],
  ['ALLOWED_ORIGINS', 'https://%2a.example.com', 'without wildcards'],
  ['ALLOWED_ORIGINS', 'https://chat.example.com:*', 'without wildcards'],
  ['ALLOWED_ORIGINS', 'https://ann@chat.example.com', 'such as https://chat.example.com'],
  ['REGISTRATION', 'invite', 'one of open, closed'],
  ['COOKIE_NAME', 'access token', 'a cookie name'],
  ['COOKIE_NAME', 'a;b', 'a cookie name'],
  ['COOKIE_SECURE', 'yes', 'one of auto, true, false'],
  ['COOKIE_SAMESITE', 'Lax', 'one of lax, strict, none'],
  ['COOKIE_PARTITIONED', 'yes', 'one of true, false'],
  ['SESSION_TTL', '59', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', '31536001', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', '1h', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', 'Infinity', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', '-Infinity', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', 'NaN', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', '1e400', 'seconds from 60 to 31536000'],
  ['SESSION_TTL', '9'.repeat(400), 'seconds from 60 to 31536000'],
  ['RATE_LIMITS', 'true', 'one of on, off'],
  ['TRUST_PROXY', 'nginx', 'IP addresses or CIDR ranges'],
  ['TRUST_PROXY', '10.0.0.0/33', 'IP addresses or CIDR ranges'],
  ['TRUST_PROXY', '0.0.0.0/0', 'IP addresses or CIDR ranges'],
  ['TRUST_PROXY', '10.0.0.0/8/8', 'IP addresses or CIDR ranges']
]

for (const [variable, value, allowed] of WRONG) {
  t.test(`${variable}="${value}" is refused in one line that says what is allowed`, async t => {
    const line = refusal(() => load({ [variable]: value }))
    t.notMatch(line, '\n')
    t.ok(line.startsWith(`${variable} must be `), line)
    t.match(line, allowed)
    t.ok(line.includes(`"${value}"`) || line.includes(`"${value.split(',')[1]}"`), line)
  })
}

t.test('the password of a URL that is refused is not repeated', async t => {
  const line = refusal(() => load({ DATABASE_URL: 'postgres://ann:p/a@ss@db.example/confab' }))
  t.match(line, /, not "postgres:\/\/…@db\.example\/confab"$/)
})

t.test('a secret that protects nothing is refused', async t => {
  const cases: [secret: string | undefined, line: RegExp][] = [
    [undefined, /^SECRET_KEY is not set: .*at least 32 bytes/],
    ['', /^SECRET_KEY is not set: .*at least 32 bytes/],
    [SECRET_KEY.slice(1), /^SECRET_KEY must be at least 32 bytes, not 31$/],
    ['change-me-change-me-change-me-change-me', /^SECRET_KEY must be random/],
    ['your-256-bit-secret-your-256-bit-secret', /^SECRET_KEY must be random/],
    ['09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7', /^SECRET_KEY must be random/]
  ]
  for (const [secret, line] of cases) {
    t.match(
      refusal(() => load({ SECRET_KEY: secret })),
      line,
      String(secret)
    )
  }
  t.equal(load({ SECRET_KEY: 'ü'.repeat(16) }).secretKey, 'ü'.repeat(16), 'bytes count, not characters')
})

t.test('a cookie that browsers would refuse is refused here', async t => {
  const needs = 'needs COOKIE_SECURE=true'
  t.match(
    refusal(() => load({ COOKIE_SAMESITE: 'none' })),
    `COOKIE_SAMESITE=none ${needs}`
  )
  t.match(
    refusal(() => load({ COOKIE_SAMESITE: 'none', COOKIE_SECURE: 'false' })),
    `COOKIE_SAMESITE=none ${needs}`
  )
  t.match(
    refusal(() => load({ COOKIE_NAME: '__Host-a' })),
    `COOKIE_NAME __Host-a ${needs}`
  )
  t.match(
    refusal(() => load({ COOKIE_NAME: '__secure-a' })),
    `COOKIE_NAME __secure-a ${needs}`
  )
  t.match(
    refusal(() => load({ COOKIE_PARTITIONED: 'true' })),
    `COOKIE_PARTITIONED=true ${needs}`
  )
  t.equal(load({ COOKIE_SAMESITE: 'none', COOKIE_SECURE: 'true' }).cookie.secure, true)
  t.equal(load({ COOKIE_SECURE: 'false' }).cookie.secure, false)
})

t.test('a variable of the process wins over the file', async t => {
  const file = join(t.testdir({ env: `SECRET_KEY=${'f'.repeat(32)}\nPORT=1000\nHOST=::1\nCOOKIE_NAME=file\n` }), 'env')
  t.match(load({ PORT: '2000' }, file), { secretKey: SECRET_KEY, port: 2000, host: '::1' })
  t.equal(loadConfig({}, file).secretKey, 'f'.repeat(32))
  t.equal(process.env['COOKIE_NAME'], undefined, 'and the file stays out of the process')
  t.equal(load({ PORT: '2000', UNKNOWN: '1', REGISTATION: 'x' }, file).port, 2000, 'the process may have any variable')
  t.equal(loadConfig({ SECRET_KEY: '' }, file).secretKey, 'f'.repeat(32), 'a secret that is set to nothing is not set')
})

t.test('a wrong value in the file is refused without repeating it', async t => {
  const file = join(t.testdir({ env: 'PORT=s3cret\n' }), 'env')
  t.equal(
    refusal(() => load({}, file)),
    `PORT must be an integer from 0 to 65535 (0 takes a free port), not what ${file} says`
  )
})

t.test('a file that cannot be read is refused in one line', async t => {
  const directory = t.testdir({})
  t.match(
    refusal(() => load({}, directory)),
    new RegExp(`^${directory} cannot be read: .+$`)
  )
})

t.test('the database file alone needs no secret', async t => {
  t.equal(loadDatabaseFile({}, NO_FILE), 'confab.db')
  t.equal(loadDatabaseFile({ DATABASE_URL: 'sqlite:///:memory:' }, NO_FILE), ':memory:')
  t.match(
    refusal(() => loadDatabaseFile({ DATABASE_URL: 'mysql://' }, NO_FILE)),
    'DATABASE_URL must be'
  )
})

t.test('the example is the defaults, setting for setting', async t => {
  const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')
  t.strictSame(load({}, join(t.testdir({ env: example }), 'env')), load({}))
  const named = new Set([...WRONG.map(([variable]) => variable), 'SECRET_KEY'])
  t.strictSame(new Set(example.match(/^[A-Z_]+(?==)/gm)), named)
})
