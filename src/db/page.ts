import { ChatError } from '../errors.ts'
import type { Page } from '../schemas/common.ts'

export interface PageRequest {
  /** How many items at most. */
  limit: number
  /** `next_cursor` of the page before. */
  cursor?: string
}

type Key = (string | number)[]

/** The key in a cursor that this server gave out: as many parts of the same types as `example`. Throws INVALID_CURSOR. */
export function decodeCursor<T extends [string | number, ...Key]>(
  cursor: string | undefined,
  example: T
): T | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString()
  const parts = /^\[.*\]$/.test(text) ? parse(text) : undefined
  const fits = parts?.length === example.length && example.every((part, i) => typeof part === typeof parts[i])
  if (!fits) throw new ChatError('INVALID_CURSOR')
  return parts as T
}

function parse(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Turns `limit + 1` rows into a page of `limit` and a cursor to the rest. */
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

/** A time column as it goes over the wire. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString()
}
