import type { TSchema } from '@sinclair/typebox'
import type { Ajv } from 'ajv'
import { SHARED } from '../src/http/openapi.ts'
import { outgoingFrames } from '../src/schemas/frame.ts'
import { knowing } from './ajv.ts'

/** The types of frames that a plain socket may receive. */
const PLAIN = ['message', 'error']

const ajv = knowing({ 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ })
for (const schema of SHARED) ajv.addSchema(closed(schema))
const checks = new Map<unknown, ReturnType<Ajv['compile']>>(
  Object.entries(outgoingFrames).map(([type, schema]) => [type, ajv.compile(closed(schema))])
)

/** Returns the same schema without additional keys: a key that is not in the contract must not be sent. */
function closed(schema: TSchema): TSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value) =>
    value?.type === 'object' && value.properties ? { additionalProperties: false, ...value } : value
  )
}

/** Describes in one line how a frame from the server differs from the contract; undefined for a correct frame. */
export function wrongWith(frame: unknown, v1: boolean): string | undefined {
  const { type } = frame as { type?: unknown }
  const check = v1 || PLAIN.includes(type as string) ? checks.get(type) : undefined
  if (check?.(frame)) return undefined
  const reason = check ? ajv.errorsText(check.errors, { dataVar: 'frame' }) : 'no such frame may be sent here'
  return `the server sent a frame against its contract: ${reason}: ${JSON.stringify(frame)}`
}
