import type { TSchema } from '@sinclair/typebox'
import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import { ChatError } from './errors.ts'
import { findJsonProblem } from './json-object.ts'

// Unknown keys are refused, so Ajv must not remove them. Types are not coerced: Ajv would turn `1e400` into Infinity,
// which passes every limit. Defaults are filled in before
// `minProperties` is checked: a field of a change must not have one. With `verbose`, an error has the schema that refused a value.
const ajv = new Ajv({ removeAdditional: false, useDefaults: true, allErrors: false, coerceTypes: false, verbose: true })

// The format is for client generators. `minimum` and `maximum` decide which integers are accepted.
ajv.addFormat('int64', true)

// Describes the allowed texts in words. Errors show it instead of the regular expression.
ajv.addKeyword('x-allowed')

// Limits the size of `data`, an application's own JSON object.
ajv.addKeyword({
  keyword: 'x-max-bytes',
  type: 'object',
  schemaType: 'number',
  compile: (bytes: number) => {
    const validate: SchemaValidateFunction = value => {
      const message = findJsonProblem(value, bytes)
      if (message === undefined) return true
      validate.errors = [{ keyword: 'x-max-bytes', message, params: {} }]
      return false
    }
    return validate
  }
})

/** Compiles a schema for JSON bodies and socket frames. */
export function compileBody(schema: TSchema): ValidateFunction {
  return ajv.compile(schema)
}

/** The result of `compileTexts`: the values, integers as numbers, or the errors. */
export type Validated = { value: Record<string, unknown> } | { error: ErrorObject[] }

/**
 * Compiles the schema of an object whose values arrive as texts: parts of a URL, or settings. Decimal integers become
 * numbers where the schema has an integer. All other values stay texts, and the schema refuses those that are wrong.
 */
export function compileTexts(schema: TSchema): (given: Record<string, unknown>) => Validated {
  const validate = ajv.compile(schema)
  const properties: Record<string, TSchema> = schema['properties'] ?? {}
  const integers = Object.keys(properties).filter(name => properties[name]?.['type'] === 'integer')
  return given => {
    for (const name of integers) if (Object.hasOwn(given, name)) given[name] = toInteger(given[name])
    return validate(given) ? { value: given } : { error: validate.errors as ErrorObject[] }
  }
}

/** Returns the integer of a text in JSON notation if a JavaScript number holds it exactly, otherwise the text. */
function toInteger(text: unknown): unknown {
  if (typeof text !== 'string' || !/^(?:0|-?[1-9]\d*)$/.test(text)) return text
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}

/** Fastify's validator compiler: bodies have types, parts of the URL are texts. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  httpPart === 'body' ? compileBody(schema) : compileTexts(schema)

/** Maximum length of an unknown key that an error repeats, in UTF-16 code units. */
const MAX_KEY_LENGTH = 50

/** What an error says about a request or frame that is not valid. */
export interface ValidationProblem {
  /** A sentence for people. It begins with the part of the request: `body/username must be …`. */
  detail: string
  /** The wrong field, without the part of the request. Absent when no single field is wrong. */
  field?: string
}

/** Describes the first error that a validator found in a part of a request, or in a frame. */
export function describeError(part: string, [error]: FastifySchemaValidationError[]): ValidationProblem {
  const { instancePath, message, params } = error as ErrorObject
  const unknown = params['additionalProperty'] === undefined ? undefined : cut(params['additionalProperty'])
  const named = unknown === undefined ? '' : `: ${JSON.stringify(unknown)}`
  const key = params['missingProperty'] ?? unknown
  const path = [...instancePath.split('/').slice(1), ...(key === undefined ? [] : [key])]
  return {
    detail: `${part}${instancePath} ${inWords(error as ErrorObject) ?? message}${named}`,
    ...(path.length > 0 && { field: path.join('/') })
  }
}

/** Fastify's schema error formatter. */
export function validationError(errors: FastifySchemaValidationError[], part: string): ChatError {
  return new ChatError('VALIDATION_FAILED', describeError(part, errors))
}

/** Cuts a key from a client to the length that errors repeat. */
export function cut(key: string): string {
  return key.slice(0, MAX_KEY_LENGTH).toWellFormed()
}

/** Describes in words what is allowed, where Ajv would show a regular expression; undefined for other errors. */
function inWords({ keyword, params, parentSchema }: ErrorObject): string | undefined {
  if (keyword === 'enum') return `must be one of: ${params['allowedValues'].join(', ')}`
  const allowed = ['pattern', 'minLength', 'maxLength'].includes(keyword) ? parentSchema?.['x-allowed'] : undefined
  return allowed && `must be ${allowed}`
}
