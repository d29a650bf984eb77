import type { FastifyReply } from 'fastify'
import { LruCache } from '../../lru-cache.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
/** What a kept body takes beyond its own bytes. */
const MORE_BYTES = 512

/**
 * Bodies of replies, kept as they were sent, under keys that name all that they depend on. As bytes: they need neither
 * be measured nor encoded again.
 */
export class KeptBodies {
  readonly #bodies: LruCache<Buffer>

  /** Keeps so many bytes in all. */
  constructor(bytes: number) {
    this.#bodies = new LruCache(bytes, ({ length }) => length + MORE_BYTES)
  }

  /** The body under this key, ready to be returned by the handler. */
  get(key: string, reply: FastifyReply): Buffer | undefined {
    const body = this.#bodies.get(key)
    if (body) reply.type(JSON_TYPE)
    return body
  }

  /** Makes the body that the route's schema of a 200 has for `value`, and keeps it. Ready to be returned likewise. */
  set(key: string, reply: FastifyReply, value: unknown): Buffer {
    const write = reply.getSerializationFunction('200') as (value: unknown) => string
    const json = write(value)
    // Bytes of their own: a piece of the pool would keep the whole of it.
    const body = Buffer.allocUnsafeSlow(Buffer.byteLength(json))
    body.write(json)
    this.#bodies.set(key, body)
    reply.type(JSON_TYPE)
    return body
  }
}
