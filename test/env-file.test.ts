import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError, loadConfig } from '../src/config.ts'

const SECRET_KEY = '0123456789abcdef0123456789abcdef'
const SECRET = `SECRET_KEY=${SECRET_KEY}`

function load(t: Test, content: string | Buffer, env: NodeJS.ProcessEnv = {}) {
  return loadConfig(env, join(t.testdir({ '.env': content }), '.env'))
}

/** The one line with which a file is refused, without the directory. */
function refusal(t: Test, content: string | Buffer): string {
  try {
    load(t, content, { SECRET_KEY })
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replace(/^\S*\/(?=\.env)/, '')
    throw error
  }
  throw new Error('not refused')
}

t.test('a byte order mark hides no setting', async t => {
  t.equal(load(t, `\ufeffREGISTRATION=closed\n${SECRET}\n`).registrationOpen, false)
  t.equal(load(t, `\ufeff# Settings\nREGISTRATION=closed\n${SECRET}\n`).registrationOpen, false)
})

t.test('a file that is not UTF-8 is refused', async t => {
  const text = `REGISTRATION=closed\n${SECRET}\n# Schlüssel\n`
  const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le')
  const files: [name: string, bytes: Buffer][] = [
    ['UTF-16, little end first', utf16],
    ['UTF-16, big end first', Buffer.from(utf16).swap16()],
    ['UTF-16 without a mark, all of it ASCII', Buffer.from('REGISTRATION=closed\n', 'utf16le')],
    ['ISO-8859-1', Buffer.from(text, 'latin1')]
  ]
  for (const [name, bytes] of files) t.equal(refusal(t, bytes), '.env must be a text file in UTF-8', name)
})

t.test('an unknown name is refused, with the one that was meant', async t => {
  const lines: [line: string, refusal: string][] = [
    ['REGISTATION=closed', '.env: REGISTATION is not a setting: did you mean REGISTRATION?'],
    ['registration=closed', '.env: registration is not a setting: did you mean REGISTRATION?'],
    ['COOKIE_SAME_SITE=none', '.env: COOKIE_SAME_SITE is not a setting: did you mean COOKIE_SAMESITE?'],
    ['export ALLOWED_ORIGIN=https://a.example', '.env: ALLOWED_ORIGIN is not a setting: did you mean ALLOWED_ORIGINS?'],
    ['TRUSTED_PROXY=127.0.0.1', '.env: TRUSTED_PROXY is not a setting: did you mean TRUST_PROXY?'],
    ['COMPOSE_PROJECT_NAME=chat', '.env: COMPOSE_PROJECT_NAME is not a setting: .env.example lists all settings']
  ]
  for (const [line, expected] of lines) t.equal(refusal(t, `PORT=1\n${line}\n`), expected)
})

t.test('a name that is set twice is refused, and a line that is not a setting', async t => {
  t.equal(refusal(t, 'PORT=1\nHOST=::1\nPORT=2\n'), '.env: PORT is set twice')
  t.equal(refusal(t, 'PORT=\nPORT=2\n'), '.env: PORT is set twice')
  for (const line of ['REGISTRATION closed', 'REGISTRATION: closed', '=closed', 'COOKIE-NAME=x', '[confab]']) {
    t.equal(refusal(t, `PORT=1\n\n${line}\n`), '.env: line 3 must be NAME=value, a comment or empty', line)
  }
})

t.test('a file may be written in the ways that others are', async t => {
  const content = [
    '# A comment',
    '',
    `  export SECRET_KEY = "${SECRET_KEY}"  # a secret`,
    "HOST='::1'",
    'PORT=8500 # a port',
    'COOKIE_NAME=token',
    'DATABASE_URL="sqlite:///a#b.db"',
    'ALLOWED_ORIGINS='
  ]
  for (const end of ['\n', '\r\n', '\r']) {
    t.match(load(t, content.join(end)), {
      secretKey: SECRET_KEY,
      host: '::1',
      port: 8500,
      cookie: { name: 'token' },
      databaseFile: 'a#b.db',
      allowedOrigins: new Set()
    })
  }
})
