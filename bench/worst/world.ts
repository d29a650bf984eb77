import { buildApp } from '../../src/app.ts'
import { passwords } from '../../src/auth/password.ts'
import { loadConfig } from '../../src/config.ts'
import { confabEnv } from '../servers.ts'

// Builds the database at the start of every attack. The repositories of the server write it, without rate limits.

export interface Person {
  id: number
  username: string
  cookie: string
}

export interface World {
  /** The victims: people in a chat of their own, whose pings are measured. */
  victims: Person[]
  /** 1,900 people in room1900. The first 1,000 are also in 49 other chats, the last 900 in room900. */
  crowd: Person[]
  /** One account with 10,000 sessions, once for each of 1,000 of them. It is in 20 chats and a member of `roles`. */
  sessions: Person[]
  /** Accounts with 200 and with 1,000 chats of their own. */
  with200: Person
  with1000: Person
  /** The owner of all other chats. */
  writer: Person
  chats: Record<'victims' | 'room1900' | 'room900' | 'open' | 'roles' | Archive, number>
  /** A message of room1900. 100 people have reacted to it with each emoji. */
  popular: number
}

/** A letter with thousands of accents in random order. Unicode normalization has to sort them. */
export const MARKS = `a${'\u0301\u0316'.repeat(4996)}`

/** Chats with many or long messages: their number, and the text of each. */
const ARCHIVES = {
  marks: { messages: 200, text: `needle ${MARKS}` },
  pairs: { messages: 200, text: 'a '.repeat(5000) },
  matches: { messages: 40_000, text: 'The quick brown fox jumps over the lazy dog, then rests a while.' },
  /** Each of these characters has six bytes in JSON. */
  controls: { messages: 500, text: '\u0001'.repeat(10_000) },
  backlog: { messages: 100_000, text: 'The quick brown fox jumps over the lazy dog, then rests a while.' }
}
type Archive = keyof typeof ARCHIVES

export const PASSWORD = 'load test'
export const EMOJI = Array.from({ length: 20 }, (_, i) => String.fromCodePoint(0x1f600 + i))
const REACTIONS_EACH = 100
/** Number of messages of the large rooms, and of each small chat. */
const ROOM_MESSAGES = 1000
const CHAT_MESSAGES = 5
/** Maximum number of characters and of messages in one transaction. */
const BATCH = { characters: 1_000_000, messages: 2000 }
const TEXT = 'The quick brown fox jumps over the lazy dog, then rests a while.'

/** Creates the database in the directory. Returns the people and chats. */
export async function buildWorld(directory: string): Promise<World> {
  const config = loadConfig(confabEnv(directory, 'off'), `${directory}/.env`)
  const app = await buildApp(config)
  await app.ready()
  const password_hash = await passwords().hash(PASSWORD)
  const expires_at = Date.now() + config.sessionTtl * 1000

  async function cookieOf(id: number): Promise<string> {
    const session = await app.db.sessions.create({ id, password_hash }, expires_at, 'bench')
    if (!session) throw new Error(`account ${id} cannot log in`)
    const token = app.jwt.sign({ sub: String(id), sid: session.id, exp: Math.floor(expires_at / 1000) })
    return `${config.cookie.name}=${token}`
  }

  async function person(username: string): Promise<Person> {
    const user = await app.db.users.create({ username, password_hash })
    if (!user) throw new Error(`the name ${username} is taken`)
    return { id: user.id, username, cookie: await cookieOf(user.id) }
  }

  async function people(name: string, count: number): Promise<Person[]> {
    const all: Person[] = []
    for (let i = 1; i <= count; i++) all.push(await person(`${name}-${i}`))
    return all
  }

  async function write({ id, username }: Person, chat_id: number, messages: number, text = TEXT): Promise<void> {
    const send = { type: 'send' as const, chat_id, user: { id, username }, text }
    const most = Math.min(BATCH.messages, Math.ceil(BATCH.characters / text.length))
    for (let left = messages; left > 0; left -= most) {
      await app.db.log.append(Array.from({ length: Math.min(most, left) }, () => send))
    }
  }

  /** Creates a chat of these people. The first one is the owner and has sent messages. */
  async function chat(title: string, inside: Person[], messages = CHAT_MESSAGES, text = TEXT): Promise<number> {
    const [owner, ...others] = inside as [Person, ...Person[]]
    const visibility = title === 'open' ? 'public' : 'private'
    const id = await app.db.chats.create(owner.id, { title, visibility, member_ids: others.map(({ id }) => id) })
    await write(owner, id, messages, text)
    return id
  }

  async function chats(count: number, inside: Person[]): Promise<void> {
    for (let i = 1; i <= count; i++) await chat(`chat ${i}`, inside)
  }

  const [writer, with200, with1000] = (await people('one', 3)) as [Person, Person, Person]
  const victims = await people('victim', 4)
  const crowd = await people('crowd', 1900)
  const many = await person('many')
  const sessions = [many]
  for (let i = 1; i < 10_000; i++) {
    const cookie = await cookieOf(many.id)
    if (i < 1000) sessions.push({ ...many, cookie })
  }

  const ids: Partial<World['chats']> = {
    victims: await chat('victims', victims),
    room1900: await chat('room1900', crowd, ROOM_MESSAGES),
    room900: await chat('room900', crowd.slice(1000), ROOM_MESSAGES),
    open: await chat('open', [writer]),
    roles: await chat('roles', [writer, many])
  }
  for (const [name, { messages, text }] of Object.entries(ARCHIVES)) {
    ids[name as Archive] = await chat(name, [writer], messages, text)
  }
  await chats(49, crowd.slice(0, 1000))
  await chats(20, [many])
  await chats(200, [with200])
  await chats(1000, [with1000])

  const popular = 1
  const reactions = EMOJI.flatMap(emoji =>
    crowd.slice(0, REACTIONS_EACH).map(({ id, username }) => ({ emoji, user: { id, username } }))
  )
  const react = { type: 'react' as const, chat_id: ids.room1900 as number, id: popular }
  await app.db.log.append(reactions.map(one => ({ ...react, ...one })))

  // A search without a match indexes all chats of its user. So nothing is left to be indexed during an attack.
  for (const { cookie } of [writer, with200, with1000, many, crowd[0], crowd[1000], victims[0]] as Person[]) {
    const { statusCode, body } = await app.inject({ url: '/search?query=nothinghasthis', headers: { cookie } })
    if (statusCode !== 200) throw new Error(`the messages cannot be indexed: ${body}`)
  }
  await app.close()
  // All fields are set above.
  return { victims, crowd, sessions, with200, with1000, writer, chats: ids as World['chats'], popular }
}
