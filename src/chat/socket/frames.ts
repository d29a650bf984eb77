import type { ErrorObject, ValidateFunction } from 'ajv'
import type { ErrorCode } from '../../errors.ts'
import { type IncomingFrame, incomingFrames, type OutgoingFrame } from '../../schemas/frame.ts'
import type { Message } from '../../schemas/message.ts'
import { compileBody, whatIsWrong } from '../../validation.ts'
import { textFrame } from './frame-encoder.ts'

/** A frame that was refused, in the words of the catalogue. */
export interface Refused {
  code: ErrorCode
  detail: string
  field?: string
  client_id?: string
}

export type FrameReader = (text: string) => IncomingFrame | Refused

/**
 * Reads frames of these types. Each is checked against the schema of its own type, never against a union of all, so
 * that the refusal names what is wrong with it.
 */
export function frameReader(types: (keyof typeof incomingFrames)[]): FrameReader {
  const checks = new Map<unknown, ValidateFunction>(types.map(type => [type, compileBody(incomingFrames[type])]))
  const unknownType = `The type must be one of: ${types.join(', ')}`
  return text => {
    const frame = parse(text)
    if (frame === undefined) return { code: 'INVALID_JSON', detail: 'The frame is not a JSON object' }
    const check = checks.get(frame.type ?? 'send')
    if (check?.(frame)) return frame as IncomingFrame
    const client_id = typeof frame.client_id === 'string' ? { client_id: frame.client_id } : undefined
    if (!check) return { code: 'UNKNOWN_TYPE', detail: unknownType, ...client_id }
    return { code: 'VALIDATION_FAILED', ...whatIsWrong('frame', check.errors as ErrorObject[]), ...client_id }
  }
}

function parse(text: string): { type?: unknown; client_id?: unknown } | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Encodes any frame but `message`, which has an encoder of its own. */
export function encode(frame: Exclude<OutgoingFrame, { type: 'message' }>): Buffer {
  return textFrame(JSON.stringify(frame))
}

export function messageFrame(message: Message): Buffer {
  return textFrame(`{"type":"message",${JSON.stringify(message).slice(1)}`)
}

/** The answer to a `send` of this `client_id`: what it made, or what it had made before. */
export function ackFrame(message: Message, client_id: string | undefined, duplicate: boolean): Buffer {
  const { chat_id, id, seq, created_at } = message
  const named = client_id === undefined ? {} : { client_id }
  return encode({ type: 'ack', chat_id, ...named, id, seq, created_at, duplicate })
}
