import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import Sqlite from 'better-sqlite3'
import type { FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../src/app.ts'
import { passwords } from '../src/auth/password.ts'
import { loadConfig } from '../src/config.ts'
import { SUBPROTOCOL } from '../src/schemas/frame.ts'
import { Contract } from './contract.ts'
import { type SocketOptions, TestSocket } from './socket.ts'

export interface Reply<T = unknown> {
  status: number
  headers: Headers
  body: T
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies whose shape is what they check
export type Json = any

/** The contract of the first server. The documents of other servers differ in the name of the cookie only. */
let contract: Contract | undefined

const passwordHash = passwords().hash('correct horse')

/** Starts the app that ships with a new database file, on a free port unless `env` has one. The test closes it. */
export async function build(t: Test, env: NodeJS.ProcessEnv = {}, logger: FastifyServerOptions['logger'] = false) {
  const directory = mkdtempSync(join(tmpdir(), 'confab-test-'))
  const settings = {
    SECRET_KEY: randomBytes(32).toString('hex'),
    RATE_LIMITS: 'off',
    PORT: '0',
    DATABASE_URL: `sqlite:///${directory}/confab.db`,
    ...env
  }
  const config = loadConfig(settings, '/dev/null')
  const app = await buildApp(config, logger)
  t.teardown(async () => {
    await app.close()
    rmSync(directory, { recursive: true })
  })
  const url = await app.listen({ host: '127.0.0.1', port: config.port })
  return new Server(t, app, url, settings)
}

export class Server {
  readonly t: Test
  readonly app: Awaited<ReturnType<typeof buildApp>>
  readonly url: string
  readonly settings: NodeJS.ProcessEnv
  #database: Sqlite.Database | undefined

  constructor(t: Test, app: Server['app'], url: string, settings: NodeJS.ProcessEnv) {
    this.t = t
    this.app = app
    this.url = url
    this.settings = settings
  }

  /** The OpenAPI document. */
  async document(): Promise<Json> {
    return this.app.swagger()
  }

  /** Returns a client without a session. */
  stranger(): Client {
    return new Client(this, '')
  }

  /** Opens a connection in memory. Its ends close together, like those of a network. `far` is the end of the server. */
  memory() {
    const [near, far] = duplexPair()
    const createConnection = () => {
      near.once('close', () => far.destroy())
      this.app.server.emit('connection', far)
      return near
    }
    return { far, createConnection }
  }

  /** The SQLite file. */
  get file(): string {
    return String(this.settings['DATABASE_URL']).slice('sqlite:///'.length)
  }

  /** Runs one SQL statement in the database, as another process would. Returns its rows. `?` stand for the values. */
  async sql(statement: string, ...values: (string | number | null)[]): Promise<Json[]> {
    const prepared = this.database().prepare(statement)
    if (prepared.reader) return prepared.all(...values)
    prepared.run(...values)
    return []
  }

  /** A connection to the SQLite file, as of another process: for tests of locks, triggers and pragmas. */
  database(): Sqlite.Database {
    if (this.#database === undefined) {
      const db = new Sqlite(this.file)
      this.t.teardown(() => db.close())
      this.#database = db
    }
    return this.#database
  }

  /** Returns a client with this cookie. */
  client(cookie: string, user: Client['user']): Client {
    return new Client(this, cookie, user)
  }

  /** Creates an account with the password "correct horse" and a session. It reuses one password hash, which is slow. */
  async account(username: string): Promise<Client> {
    const password_hash = await passwordHash
    const user = await this.app.db.users.create({ username, password_hash })
    if (!user) throw new Error(`${username} is taken`)
    const exp = Math.floor(Date.now() / 1000) + 3600
    const session = await this.app.db.sessions.create({ id: user.id, password_hash }, exp * 1000, 'test')
    const token = this.app.jwt.sign({ sub: String(user.id), sid: session?.id as string, exp })
    return new Client(this, `${this.settings['COOKIE_NAME'] ?? 'access_token'}=${token}`, user)
  }

  /** Creates an account with this password and logs in, through the routes. */
  async register(username: string, password: string): Promise<Client> {
    const { status, body } = await this.stranger().post('/auth/register', { username, password })
    if (status !== 201) throw new Error(`register ${username}: ${JSON.stringify(body)}`)
    return this.login(username, password)
  }

  /** Logs in. Returns a client with the new session. */
  async login(username: string, password = 'correct horse'): Promise<Client> {
    const reply = await this.stranger().post('/auth/login', { username, password })
    if (reply.status !== 200) throw new Error(`login ${username}: ${JSON.stringify(reply.body)}`)
    const [cookie = ''] = (reply.headers.getSetCookie()[0] ?? '').split(';')
    return new Client(this, cookie, reply.body.user)
  }

  /** Creates accounts and a chat of all of them. The first one is the owner. */
  async chat<const Names extends [string, ...string[]]>(...names: Names) {
    const people: Client[] = []
    for (const name of names) people.push(await this.account(name))
    const [owner, ...others] = people as [Client, ...Client[]]
    const made = await owner.post('/chats', { title: 'Friends', member_ids: others.map(({ user }) => user.id) })
    const id: number = made.body.id
    return { id, path: `/chats/${id}`, people: people as { [K in keyof Names]: Client } }
  }
}

/** A client with a session or without one. It sends HTTP requests and opens sockets. */
export class Client {
  readonly server: Server
  readonly cookie: string
  readonly user: { id: number; username: string }

  constructor(server: Server, cookie: string, user = { id: 0, username: '' }) {
    this.server = server
    this.cookie = cookie
    this.user = user
  }

  /** Sends a request. Throws when the reply differs from the OpenAPI document. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Promise<Reply<Json>> {
    const all: Record<string, string> = { ...headers }
    if (this.cookie) all['cookie'] = this.cookie
    if (body !== undefined) all['content-type'] ??= 'application/json'
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    const reply = await fetch(this.server.url + path, { method, headers: all, body: text })
    const received = await reply.text()
    const json = reply.headers.get('content-type')?.startsWith('application/json')
    const { status, headers: given } = reply
    return this.#checked(method, path, { status, headers: given, body: json ? JSON.parse(received) : received })
  }

  get(path: string, headers?: Record<string, string>) {
    return this.request('GET', path, undefined, headers)
  }

  post(path: string, body?: unknown, headers?: Record<string, string>) {
    return this.request('POST', path, body, headers)
  }

  put(path: string, body?: unknown) {
    return this.request('PUT', path, body)
  }

  patch(path: string, body?: unknown) {
    return this.request('PATCH', path, body)
  }

  delete(path: string) {
    return this.request('DELETE', path)
  }

  /** Opens a socket. The test closes it. */
  async socket(query: string | number, options: SocketOptions = {}): Promise<TestSocket> {
    const path = typeof query === 'number' ? `/ws?chat_id=${query}` : `/ws${query}`
    const socket = new TestSocket(this.server.url, path, { ...options, cookie: this.cookie })
    this.server.t.teardown(() => {
      socket.terminate()
      socket.check()
    })
    await socket.opened
    return socket
  }

  /** Opens a socket with the subprotocol `confab.v1`. */
  v1(query: string | number, options: SocketOptions = {}): Promise<TestSocket> {
    return this.socket(query, { ...options, protocol: SUBPROTOCOL })
  }

  /** Opens such a socket in memory: a client that does not read causes back-pressure at once. */
  v1InMemory(query: string | number): Promise<TestSocket> {
    return this.v1(query, { createConnection: this.server.memory().createConnection })
  }

  /** Sends an upgrade that is refused. Returns the HTTP reply. */
  async refused(path: string, headers: Record<string, string> = {}): Promise<Reply<Json>> {
    const socket = new TestSocket(this.server.url, path, { headers, cookie: this.cookie })
    this.server.t.teardown(() => socket.terminate())
    return this.#checked('GET', path, await socket.refusal)
  }

  async #checked(method: string, path: string, reply: Reply<Json>): Promise<Reply<Json>> {
    contract ??= new Contract(await this.server.document())
    const wrong = contract.wrongWith(method, path, reply)
    if (wrong) throw new Error(wrong)
    return reply
  }
}
