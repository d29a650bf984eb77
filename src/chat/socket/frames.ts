import type { ErrorObject, ValidateFunction } from 'ajv'
import { catalogue, type ErrorCode } from '../../errors.ts'
import { type IncomingFrame, incomingFrames, type OutgoingFrame } from '../../schemas/frame.ts'
import type { Message } from '../../schemas/message.ts'
import { compileBody, describeError } from '../../validation.ts'
import { textFrame } from './frame-encoder.ts'

/** A frame for one socket. `message` frames are encoded once for many sockets instead. */
export type Reply = Exclude<OutgoingFrame, { type: 'message' }>

export type ErrorFrame = Reply & { type: 'error' }

/** Why a frame was refused: a code of the error catalogue, and what else the error frame says. */
export type FrameError = Partial<Omit<ErrorFrame, 'type' | 'code'>> & { code: ErrorCode }

/** Decodes the text of a client's frame. Returns a FrameError when the text is no valid frame. */
export type FrameDecoder = (text: string) => IncomingFrame | FrameError

/**
 * Makes a decoder for frames of these types. A frame is validated against the schema of its own type instead of a union
 * of all types, so that the error names what is wrong.
 */
export function frameDecoder(types: (keyof typeof incomingFrames)[]): FrameDecoder {
  const validators = new Map<unknown, ValidateFunction>(types.map(type => [type, compileBody(incomingFrames[type])]))
  const unknownType = `The type must be one of: ${types.join(', ')}`
  return text => {
    const frame = parseObject(text)
    if (frame === undefined) return { code: 'INVALID_JSON', detail: 'The frame is not a JSON object' }
    const validate = validators.get(frame.type ?? 'send')
    if (validate?.(frame)) return frame as IncomingFrame
    const client_id = typeof frame.client_id === 'string' ? { client_id: frame.client_id } : undefined
    if (!validate) return { code: 'UNKNOWN_TYPE', detail: unknownType, ...client_id }
    return { code: 'VALIDATION_FAILED', ...describeError('frame', validate.errors as ErrorObject[]), ...client_id }
  }
}

/** Returns undefined when the text is not a JSON object. */
function parseObject(text: string): { type?: unknown; client_id?: unknown } | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Makes the error frame for a refused frame. Without `detail`, it has the message of the catalogue. */
export function errorFrame({ code, detail, ...rest }: FrameError): ErrorFrame {
  return { type: 'error', code, detail: detail ?? catalogue[code].message, ...rest }
}

/** Encodes any frame except `message`, which has `messageFrame`. */
export function encode(frame: Reply): Buffer {
  return textFrame(JSON.stringify(frame))
}

/** Encodes a `message` frame. */
export function messageFrame(message: Message): Buffer {
  return textFrame(`{"type":"message",${JSON.stringify(message).slice(1)}`)
}

/** Encodes the `ack` of a `send`. `duplicate`: its `client_id` was used before, and `message` is the stored one. */
export function ackFrame(message: Message, client_id: string | undefined, duplicate: boolean): Buffer {
  const { chat_id, id, seq, created_at } = message
  const named = client_id === undefined ? {} : { client_id }
  return encode({ type: 'ack', chat_id, ...named, id, seq, created_at, duplicate })
}
