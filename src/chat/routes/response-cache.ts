import type { FastifyReply } from 'fastify'
import { LruCache } from '../../lru-cache.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
/** The memory that an entry takes besides its body, in bytes. */
const ENTRY_BYTES = 512

/**
 * An LRU cache of response bodies, as encoded bytes: they need neither be measured nor encoded again. There is no
 * invalidation: a key must name everything that its body depends on.
 */
export class ResponseCache {
  readonly #bodies: LruCache<Buffer>

  /** Limits the size of all entries together, in bytes. */
  constructor(maxBytes: number) {
    this.#bodies = new LruCache(maxBytes, ({ length }) => length + ENTRY_BYTES)
  }

  /** Returns the cached body and sets the content type of the reply; the handler returns the body as it is. */
  get(key: string, reply: FastifyReply): Buffer | undefined {
    const body = this.#bodies.get(key)
    if (body) reply.type(JSON_TYPE)
    return body
  }

  /** Encodes `value` by the route's schema for 200 and caches the body. Returns it as `get` does. */
  set(key: string, reply: FastifyReply, value: unknown): Buffer {
    const serialize = reply.getSerializationFunction('200') as (value: unknown) => string
    const json = serialize(value)
    // Not from Node's pool of buffers: a small body would keep a whole pool alive.
    const body = Buffer.allocUnsafeSlow(Buffer.byteLength(json))
    body.write(json)
    this.#bodies.set(key, body)
    reply.type(JSON_TYPE)
    return body
  }
}
