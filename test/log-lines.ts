import { Writable } from 'node:stream'
import { loggerOptions } from '../src/http/logger.ts'
import type { Json } from './helper.ts'

/** Returns the options of the logger that ships, and the list of its lines. */
export function collector(level: 'trace' | 'info' = 'trace') {
  const lines: Json[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trimEnd().split('\n')) lines.push(JSON.parse(line))
      done()
    }
  })
  return { lines, logger: { ...loggerOptions(level, false), stream } }
}
