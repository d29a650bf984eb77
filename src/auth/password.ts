// The default import: an old Node has no named export `argon2`, and must load this file to say that it is too old.
import crypto from 'node:crypto'
import { promisify } from 'node:util'
import { limitConcurrency } from './concurrency.ts'

/** OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const TAG_BYTES = 32
const SALT_BYTES = 16

/** Hashes that are computed at once. A hash takes 19 MiB and one of libuv's four threads, which files need too. */
const RUNNING = 2
/** Hashes that wait for their turn. */
const WAITING = 32

export interface Passwords {
  /** Returns the argon2id hash of a password as a PHC string. Throws OVERLOADED when too many hashes wait. */
  hash(password: string): Promise<string>
  /**
   * Returns whether the password matches the PHC string. Without a PHC string, it returns false after the same work, so
   * that an unknown user takes as long as a wrong password. Throws an Error when the hash is of another kind, such as
   * bcrypt, and OVERLOADED when too many hashes wait.
   */
  verify(password: string, phc: string | undefined): Promise<boolean>
}

/** Password hashing with argon2id (RFC 9106) behind a bounded queue. */
export function passwords(): Passwords {
  const limited = limitConcurrency(RUNNING, WAITING)
  return {
    async hash(password) {
      const salt = crypto.randomBytes(SALT_BYTES)
      return encode(salt, await limited(() => derive(normalize(password), salt, COST, TAG_BYTES)))
    },
    async verify(password, phc) {
      const { salt, tag, cost } = phc === undefined ? randomHash() : decode(phc)
      for (const form of new Set([normalize(password), password])) {
        const computed = await limited(() => derive(form, salt, cost, tag.length))
        if (crypto.timingSafeEqual(computed, tag) && phc !== undefined) return true
      }
      return false
    }
  }
}

/**
 * Normalization form C (RFC 8265, section 4.2): keyboards and programs write `ü` as one or two code points, and people
 * cannot see which. Hashes of older versions were made of the password as given, so `verify` tries that form too.
 */
function normalize(password: string): string {
  return password.normalize('NFC')
}

type Cost = typeof COST

interface Hash {
  salt: Buffer
  tag: Buffer
  cost: Cost
}

const argon2 = promisify(crypto.argon2)

function derive(password: string, salt: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
  return argon2('argon2id', { message: password, nonce: salt, tagLength, ...cost })
}

function randomHash(): Hash {
  return { salt: crypto.randomBytes(SALT_BYTES), tag: crypto.randomBytes(TAG_BYTES), cost: COST }
}

function encode(salt: Buffer, tag: Buffer): string {
  const { memory, passes, parallelism } = COST
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

/** argon2id, version 19, in the PHC string format, with a salt and a tag of at least 8 bytes. */
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z\d+/]{11,})\$([A-Za-z\d+/]{11,})$/

/** Parses a PHC string. Throws an Error that names the kind of an unsupported hash, and never shows the hash. */
function decode(phc: string): Hash {
  const [matched, memory, passes, parallelism, salt = '', tag = ''] = PHC.exec(phc) ?? []
  if (matched === undefined) {
    const [, kind] = /^\$([a-z\d-]{1,20})\$/.exec(phc) ?? []
    const found = kind ? `of the kind "${kind}"` : 'not a PHC string'
    throw new Error(
      `the stored password hash is ${found}: only argon2id with v=19, m, t and p is supported; set a new password`
    )
  }
  return {
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  }
}
