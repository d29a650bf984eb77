import { createHash } from 'node:crypto'
import { ChatError } from '../errors.ts'
import type { Page } from '../schemas/common.ts'

export interface PageRequest {
  /** How many items at most. */
  limit: number
  /** `next_cursor` of the page before. */
  cursor?: string
}

type Key = (string | number)[]

/**
 * Identifies a list and its parameters: 48 bits of a hash, which keeps cursors short. The tag is the first part of the
 * list's cursors: other lists refuse them. The tag is not secret.
 */
export function tagOf(list: string, ...parameters: Key): string {
  const hash = createHash('sha256').update(JSON.stringify([list, ...parameters]))
  return hash.digest('base64url').slice(0, 8)
}

/**
 * Decodes a cursor that a list returned. Returns its key, which has the types of `example`; undefined without a cursor.
 * Throws INVALID_CURSOR for a cursor with other types or another tag.
 */
export function decodeCursor<T extends [string | number, ...Key]>(
  cursor: string | undefined,
  example: T,
  tag?: string
): T | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString()
  const parts = /^\[.*\]$/.test(text) ? parse(text) : undefined
  const tagged = tag === undefined || parts?.shift() === tag
  const fits = parts?.length === example.length && example.every((part, i) => typeof part === typeof parts[i])
  if (!tagged || !fits) throw new ChatError('INVALID_CURSOR')
  return parts as T
}

function parse(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Makes a page of up to `limit + 1` rows: `limit` items, and a cursor when there is one row more. */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  toItem: (row: Row) => Item,
  keyOf: (row: Row) => Key
): Page<Item> {
  const items = rows.slice(0, limit).map(toItem)
  const last = rows.length > limit ? rows[limit - 1] : undefined
  if (last === undefined) return { items }
  return { items, next_cursor: Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') }
}
