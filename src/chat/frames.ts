import type { TSchema } from '@sinclair/typebox'
import type { ErrorCode } from '../errors.ts'
import { type ErrorFrame, SendFrame } from '../schemas/frame.ts'
import type { Message } from '../schemas/message.ts'
import { textFrame } from './framing.ts'

/** What a client may send, by its `type`. */
const INCOMING = { send: SendFrame } as const

export type IncomingFrame = SendFrame & { type?: 'send' }

/** A frame that was refused, in the words of the catalogue. */
export interface Refused {
  code: ErrorCode
  detail: string
}

/**
 * Reads frames. Each is checked against the schema of its own `type`, never against a union of all, so that the
 * refusal names what is wrong with it.
 */
export function frameReader(compile: (schema: TSchema) => Check): (text: string) => IncomingFrame | Refused {
  const checks = new Map(Object.entries(INCOMING).map(([type, schema]) => [type, compile(schema)]))
  return text => {
    const frame = parse(text)
    if (frame === undefined) return { code: 'INVALID_JSON', detail: 'The frame is not a JSON object' }
    const { type = 'send' } = frame as { type?: string }
    const check = checks.get(type)
    if (!check) return { code: 'UNKNOWN_TYPE', detail: `The type must be one of: ${[...checks.keys()].join(', ')}` }
    if (check(frame)) return frame as IncomingFrame
    const [error] = check.errors ?? []
    return { code: 'VALIDATION_FAILED', detail: `frame${error?.instancePath} ${error?.message}` }
  }
}

interface Check {
  (data: unknown): unknown
  errors?: { instancePath: string; message?: string }[] | null
}

function parse(text: string): object | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function messageFrame(message: Message): Buffer {
  return textFrame(`{"type":"message",${JSON.stringify(message).slice(1)}`)
}

export function errorFrame({ code, detail, retry_after_ms }: Omit<ErrorFrame, 'type'>): Buffer {
  return textFrame(
    JSON.stringify({ type: 'error', code, detail, retry_after_ms } satisfies { [K in keyof ErrorFrame]: unknown })
  )
}
