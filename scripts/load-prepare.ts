import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildApp } from '../src/app.ts'
import { passwords } from '../src/auth/password.ts'
import { ConfigError, createEnvFile, loadConfig } from '../src/config.ts'
import type { StoredSession } from '../src/db/records.ts'
import type { User } from '../src/schemas/user.ts'

// Fills a database for load tests: accounts, sessions, chats, messages. Writes the cookies and the chat ids to files.

const USAGE = `npm run load:prepare -- [--users 100] [--chats 10] [--members 10] [--messages 0] [--out load]

  --users     accounts, named load-<time>-1, load-<time>-2 …, all with the password "load test"
  --chats     chats
  --members   members of each chat, taken from the accounts in turn
  --messages  messages in each chat, of 64 characters
  --out       writes <out>.json and <out>.csv: a session cookie and a chat id for each member of each chat
`

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '100' },
    chats: { type: 'string', default: '10' },
    members: { type: 'string', default: '10' },
    messages: { type: 'string', default: '0' },
    out: { type: 'string', default: 'load' },
    help: { type: 'boolean', default: false }
  }
})

function count(name: 'users' | 'chats' | 'members' | 'messages', minimum: number): number {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < minimum)
    throw new ConfigError(`--${name} must be an integer of at least ${minimum}`)
  return value
}

/** About the size of a typical message. */
const TEXT = 'The quick brown fox jumps over the lazy dog, then rests a while.'
const BATCH = 2000

async function prepare(): Promise<void> {
  const [users, chats, members] = [count('users', 1), count('chats', 1), count('members', 1)]
  const messages = count('messages', 0)
  createEnvFile(new URL('../.env.example', import.meta.url))
  const config = loadConfig()
  const app = await buildApp(config)
  await app.ready()
  const password_hash = await passwords().hash('load test')
  const prefix = `load-${Date.now().toString(36)}`
  const expires_at = Date.now() + config.sessionTtl * 1000
  const people: { id: number; username: string; cookie: string }[] = []
  for (let i = 1; i <= users; i++) {
    // The prefix makes the username unique, so `create` returns a user.
    const user = (await app.db.users.create({ username: `${prefix}-${i}`, password_hash })) as User
    const session = (await app.db.sessions.create(
      { id: user.id, password_hash },
      expires_at,
      'load test'
    )) as StoredSession
    const token = app.jwt.sign({ sub: String(user.id), sid: session.id, exp: Math.floor(expires_at / 1000) })
    people.push({ id: user.id, username: user.username, cookie: `${config.cookie.name}=${token}` })
  }
  const rooms: { chat_id: number; cookies: string[] }[] = []
  for (let i = 0; i < chats; i++) {
    const inside = Array.from(
      { length: Math.min(members, users) },
      (_, k) => people[(i * members + k) % users] as (typeof people)[0]
    )
    const [owner, ...others] = inside as [(typeof people)[0], ...typeof people]
    const chat_id = await app.db.chats.create(owner.id, {
      title: `Load ${i + 1}`,
      member_ids: others.map(({ id }) => id)
    })
    const send = { type: 'send' as const, chat_id, user: { id: owner.id, username: owner.username }, text: TEXT }
    for (let left = messages; left > 0; left -= BATCH) {
      await app.db.log.append(Array.from({ length: Math.min(BATCH, left) }, () => send))
    }
    rooms.push({ chat_id, cookies: inside.map(({ cookie }) => cookie) })
  }
  await app.close()
  writeFileSync(`${values.out}.json`, JSON.stringify(rooms))
  const lines = rooms.flatMap(({ chat_id, cookies }) => cookies.map(cookie => `${chat_id},${cookie}`))
  writeFileSync(`${values.out}.csv`, `chat_id,cookie\n${lines.join('\n')}\n`)
  process.stdout.write(
    `${users} users, ${chats} chats, ${lines.length} lines in ${values.out}.csv and ${values.out}.json\n`
  )
}

if (values.help) process.stdout.write(USAGE)
else {
  prepare().catch(({ message }: Error) => {
    process.stderr.write(`load:prepare: ${message} (see --help)\n`)
    process.exit(1)
  })
}
