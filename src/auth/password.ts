// The default import, because an old Node has no `argon2` to import by name and must live to say that it is too old.
import crypto from 'node:crypto'
import { promisify } from 'node:util'
import { ChatError } from '../errors.ts'

/** OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const TAG_BYTES = 32
const SALT_BYTES = 16

/** A hash takes 19 MiB and a thread of libuv's four, which files need too. */
const AT_ONCE = 2
const WAITING = 32

export interface Passwords {
  /** A PHC string. Throws OVERLOADED when too many wait. */
  hash(password: string): Promise<string>
  /**
   * Whether the password is the one of the PHC string. Without a PHC string, false after the same work, so that an
   * unknown user takes as long as a wrong password. Throws OVERLOADED when too many wait.
   */
  verify(password: string, phc: string | undefined): Promise<boolean>
}

/** argon2id (RFC 9106) behind a bounded queue. */
export function passwords(): Passwords {
  const limited = gate(AT_ONCE, WAITING)
  return {
    async hash(password) {
      const salt = crypto.randomBytes(SALT_BYTES)
      return encode(salt, await limited(() => derive(normalize(password), salt, COST)))
    },
    async verify(password, phc) {
      const { salt, tag, cost } = phc === undefined ? nobody() : decode(phc)
      for (const form of new Set([normalize(password), password])) {
        const given = await limited(() => derive(form, salt, cost))
        if (crypto.timingSafeEqual(given, tag) && phc !== undefined) return true
      }
      return false
    }
  }
}

/**
 * Normalization form C, as RFC 8265, section 4.2 wants it of passwords: keyboards and programs differ in how they write
 * `ü`, and people cannot see which way theirs does. Hashes from before were made of the password as it was given.
 */
function normalize(password: string): string {
  return password.normalize('NFC')
}

type Cost = typeof COST

const argon2 = (password: string, nonce: Buffer, cost: Cost): Promise<Buffer> =>
  promisify(crypto.argon2)('argon2id', { message: password, nonce, tagLength: TAG_BYTES, ...cost })

async function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  return argon2(password, salt, cost)
}

function nobody(): { salt: Buffer; tag: Buffer; cost: Cost } {
  return { salt: crypto.randomBytes(SALT_BYTES), tag: crypto.randomBytes(TAG_BYTES), cost: COST }
}

function encode(salt: Buffer, tag: Buffer): string {
  const { memory, passes, parallelism } = COST
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

function decode(phc: string): { salt: Buffer; tag: Buffer; cost: Cost } {
  const [, , , parameters = '', salt = '', tag = ''] = phc.split('$')
  const [memory = 0, passes = 0, parallelism = 0] = parameters.split(',').map(part => Number(part.slice(2)))
  return {
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
    cost: { memory, passes, parallelism }
  }
}

/** Runs at most `atOnce` jobs together, keeps at most `waiting` more, and refuses the rest with OVERLOADED. */
function gate(atOnce: number, waiting: number): <T>(job: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = []
  let running = 0
  return async job => {
    if (running < atOnce) running++
    else if (queue.length >= waiting) throw new ChatError('OVERLOADED', { retryAfter: 2 })
    else await new Promise<void>(resolve => queue.push(resolve))
    try {
      return await job()
    } finally {
      // The place goes straight to the next one in the queue, if there is one.
      const next = queue.shift()
      if (next) next()
      else running--
    }
  }
}
