import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { type Static, Type } from '@sinclair/typebox'
import { ConfigError, readEnvFile } from './env-file.ts'
import { compileTexts } from './validation.ts'

export { ConfigError } from './env-file.ts'

/** A setting that is one of a few words. The error line shows `title` as what is allowed. */
function word<const T extends string>(words: readonly T[], byDefault: T, description: string) {
  return Type.Unsafe<T>({
    type: 'string',
    enum: words,
    default: byDefault,
    title: `one of ${words.join(', ')}`,
    description
  })
}

const Environment = Type.Object({
  DATABASE_URL: Type.String({
    default: 'sqlite:///confab.db',
    pattern: '^sqlite:///\\s*\\S.*$',
    title: 'sqlite:///file.db (relative), sqlite:////path/file.db (absolute) or sqlite:///:memory:',
    description: 'The database'
  }),
  SECRET_KEY: Type.Optional(
    Type.String({ title: 'at least 32 bytes', description: 'The key that signs session cookies' })
  ),
  ALGORITHM: word(['HS256', 'HS384', 'HS512'], 'HS256', 'The algorithm of the JWT signature in the session cookie'),
  HOST: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    title: 'an address or a host name',
    description: 'The address to listen on'
  }),
  PORT: Type.Integer({
    default: 8000,
    minimum: 0,
    maximum: 65535,
    title: 'an integer from 0 to 65535 (0 takes a free port)',
    description: 'The port to listen on'
  }),
  LOG_LEVEL: word(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'The lowest level that is logged; debug logs every request'
  ),
  ALLOWED_ORIGINS: Type.String({
    default: '',
    title: 'a comma-separated list of origins, without wildcards, such as https://chat.example.com',
    description: 'Other origins whose pages may call this server with the cookie'
  }),
  REGISTRATION: word(['open', 'closed'], 'open', 'Whether new accounts can be registered'),
  COOKIE_NAME: Type.String({
    default: 'access_token',
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    title: 'a cookie name: letters, digits and - _ . without spaces',
    description: 'The name of the session cookie'
  }),
  COOKIE_SECURE: word(
    ['auto', 'true', 'false'],
    'auto',
    'The Secure attribute of the cookie; auto sets it if the request was https'
  ),
  COOKIE_SAMESITE: word(
    ['lax', 'strict', 'none'],
    'lax',
    'The SameSite attribute of the cookie; none needs COOKIE_SECURE=true'
  ),
  COOKIE_PARTITIONED: word(
    ['true', 'false'],
    'false',
    'The Partitioned attribute of the cookie, for pages of another site; true needs COOKIE_SECURE=true'
  ),
  SESSION_TTL: Type.Integer({
    default: 604_800,
    minimum: 60,
    maximum: 31_536_000,
    title: 'a number of seconds from 60 to 31536000',
    description:
      'The lifetime of an unused session, in seconds. A session is renewed when it is used in the second half of it'
  }),
  RATE_LIMITS: word(
    ['on', 'off'],
    'on',
    'Limits on logins, sends, searches and sockets; switch off for load tests only'
  ),
  TRUST_PROXY: Type.String({
    default: '',
    title: 'a comma-separated list of IP addresses or CIDR ranges',
    description: 'Reverse proxies whose X-Forwarded-* headers are trusted'
  })
})

type Environment = Static<typeof Environment>

/** Secrets from public documentation, and their typical words. A SECRET_KEY that matches is refused. */
const PLACEHOLDER =
  /change.?(me|this|it)|your.{0,10}secret|(replace|insert).{0,3}(me|this|with|here)|09d25e094faa6ca2556c818166b7a956/i

export interface Config {
  /** The SQLite file, relative to the working directory or absolute, or `:memory:`. */
  databaseFile: string
  /** The HMAC key of the session cookies, at least 32 bytes. */
  secretKey: string
  algorithm: Environment['ALGORITHM']
  host: string
  port: number
  logLevel: Environment['LOG_LEVEL']
  /** Origins as `scheme://host[:port]`, in lower case. */
  allowedOrigins: ReadonlySet<string>
  registrationOpen: boolean
  cookie: { name: string; secure: boolean | 'auto'; sameSite: Environment['COOKIE_SAMESITE']; partitioned: boolean }
  /** How long an unused session lives, in seconds. */
  sessionTtl: number
  rateLimits: boolean
  /** IP addresses or CIDR ranges. */
  trustProxy: string[]
}

/**
 * Reads the settings from the variables of `env`, and those that `env` lacks from the file `envFile`. Throws ConfigError
 * for the first setting that is not valid.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, envFile = '.env'): Config {
  const values = readEnvironment(env, envFile)
  const cookie = {
    name: values.COOKIE_NAME,
    secure: values.COOKIE_SECURE === 'auto' ? ('auto' as const) : values.COOKIE_SECURE === 'true',
    sameSite: values.COOKIE_SAMESITE,
    partitioned: values.COOKIE_PARTITIONED === 'true'
  }
  if (cookie.sameSite === 'none' && cookie.secure !== true) {
    throw new ConfigError('COOKIE_SAMESITE=none needs COOKIE_SECURE=true: browsers refuse the cookie otherwise')
  }
  if (cookie.partitioned && cookie.secure !== true) {
    throw new ConfigError('COOKIE_PARTITIONED=true needs COOKIE_SECURE=true: browsers refuse the cookie otherwise')
  }
  if (/^__(Host|Secure)-/i.test(cookie.name) && cookie.secure !== true) {
    throw new ConfigError(
      `COOKIE_NAME ${cookie.name} needs COOKIE_SECURE=true: browsers refuse the prefix on a cookie that is not Secure`
    )
  }
  return {
    databaseFile: databaseFile(values),
    secretKey: checkSecret(values.SECRET_KEY),
    algorithm: values.ALGORITHM,
    host: values.HOST,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
    allowedOrigins: new Set(list(values.ALLOWED_ORIGINS).map(toOrigin)),
    registrationOpen: values.REGISTRATION === 'open',
    cookie,
    sessionTtl: values.SESSION_TTL,
    rateLimits: values.RATE_LIMITS === 'on',
    trustProxy: list(values.TRUST_PROXY).map(toRange)
  }
}

/** Reads the SQLite file alone, for tools that need no secret (drizzle-kit). Throws ConfigError. */
export function loadDatabaseFile(env: NodeJS.ProcessEnv = process.env, envFile = '.env'): string {
  return databaseFile(readEnvironment(env, envFile))
}

/**
 * Creates `envFile` from the file `example` with a new random SECRET_KEY, unless `envFile` exists or `env` has a secret.
 * Only the owner can read the file. Returns whether the file was created. Throws ConfigError when the file cannot be
 * written, or when there is no example.
 */
export function createEnvFile(example: URL, env: NodeJS.ProcessEnv = process.env, envFile = '.env'): boolean {
  if (env['SECRET_KEY'] || existsSync(envFile)) return false
  const secret = randomBytes(32).toString('base64url')
  try {
    const text = readFileSync(example, 'utf8')
    writeFileSync(envFile, text.replace(/^SECRET_KEY=.*$/m, `SECRET_KEY=${secret}`), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw new ConfigError(`SECRET_KEY is not set, and ${envFile} cannot be written: ${(error as Error).message}`)
  }
  return true
}

const NAMES = Object.keys(Environment.properties) as (keyof Environment)[]

function readEnvironment(env: NodeJS.ProcessEnv, envFile: string): Environment {
  const settings: Record<string, unknown> = readEnvFile(envFile, NAMES)
  for (const name of NAMES) {
    const value = env[name]
    // An empty secret counts as not set: a compose file can have `SECRET_KEY=${SECRET_KEY}`.
    if (value !== undefined && !(name === 'SECRET_KEY' && value === '')) settings[name] = value
  }
  const checked = compileTexts(Environment)(settings)
  if ('value' in checked) return checked.value as Environment
  const name = checked.error[0]?.instancePath.slice(1) as keyof Environment
  // The error line must not show the password of a URL.
  const value = env[name]?.replace(/\/\/.*@/, '//…@')
  const given = value === undefined ? `what ${envFile} says` : `"${value}"`
  throw new ConfigError(`${name} must be ${Environment.properties[name].title}, not ${given}`)
}

function databaseFile({ DATABASE_URL }: Environment): string {
  // better-sqlite3 trims the name too. The lock file must belong to the same name.
  return DATABASE_URL.slice('sqlite:///'.length).trim()
}

function checkSecret(secret: string | undefined): string {
  if (!secret) {
    throw new ConfigError(
      'SECRET_KEY is not set: it must be at least 32 bytes, for example from openssl rand -base64 32'
    )
  }
  if (Buffer.byteLength(secret) < 32) {
    throw new ConfigError(`SECRET_KEY must be at least 32 bytes, not ${Buffer.byteLength(secret)}`)
  }
  if (PLACEHOLDER.test(secret)) {
    throw new ConfigError('SECRET_KEY must be random, at least 32 bytes, not a well-known placeholder')
  }
  return secret
}

function list(value: string): string[] {
  return value
    .split(',')
    .map(item => item.trim())
    .filter(Boolean)
}

function toOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // A URL can have an asterisk in its host, but no page has such an origin.
  if (!url || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/` || url.host.includes('*')) {
    throw new ConfigError(`ALLOWED_ORIGINS must be ${Environment.properties.ALLOWED_ORIGINS.title}, not "${text}"`)
  }
  return url.origin
}

function toRange(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  const fits = bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  if (!version || !fits || rest.length > 0) {
    throw new ConfigError(`TRUST_PROXY must be ${Environment.properties.TRUST_PROXY.title}, not "${text}"`)
  }
  return text
}
