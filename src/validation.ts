import type { TSchema } from '@sinclair/typebox'
import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import { ChatError } from './errors.ts'
import { whyNotStorable } from './json-object.ts'

// Unknown keys are refused, never dropped, so nothing is removed. No type is coerced: Ajv makes Infinity of `1e400` and
// of 400 digits, and compares what is not finite with no limit.
// With `verbose`, an error has the schema that refused a value.
const ajv = new Ajv({ removeAdditional: false, useDefaults: true, allErrors: false, coerceTypes: false, verbose: true })

// For generators of clients: `minimum` and `maximum` say which integers are accepted.
ajv.addFormat('int64', true)

// Says in words what a text must be; used instead of a regular expression when a text is refused.
ajv.addKeyword('x-allowed')

// `data` of an application: a JSON object that is stored as it is.
ajv.addKeyword({
  keyword: 'x-max-bytes',
  type: 'object',
  schemaType: 'number',
  compile: (bytes: number) => {
    const validate: SchemaValidateFunction = value => {
      const message = whyNotStorable(value, bytes)
      if (message === undefined) return true
      validate.errors = [{ keyword: 'x-max-bytes', message, params: {} }]
      return false
    }
    return validate
  }
})

/** Compiles a schema for JSON bodies and socket frames: no type is coerced. */
export function compileBody(schema: TSchema): ValidateFunction {
  return ajv.compile(schema)
}

/** The result of a validator of texts: the values, with numbers, or the errors. */
export type Validated = { value: Record<string, unknown> } | { error: ErrorObject[] }

/**
 * Compiles the schema of an object whose values arrive as texts: the parts of a URL, or settings. Texts of the decimal
 * integers that the schema wants become numbers. All other texts stay what they are, and are refused where they are wrong.
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

/** The integer that a text is in the notation of JSON, when a JavaScript number holds it exactly; else the text. */
function toInteger(text: unknown): unknown {
  if (typeof text !== 'string' || !/^(?:0|-?[1-9]\d*)$/.test(text)) return text
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}

/** The validator compiler of the HTTP half: bodies as they are, parts of the URL as texts. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  httpPart === 'body' ? compileBody(schema) : compileTexts(schema)

/** Characters of a key of the client's that an error repeats. */
const NAMED = 50

/** What is wrong with a request or a frame. */
export interface Wrong {
  /** A sentence for people, which begins with the part of the request: `body/username must be …`. */
  detail: string
  /** The field that is wrong, without the part; absent when no single one is. */
  field?: string
}

/** What a validator found wrong with a part of a request or with a frame. The first error counts. */
export function whatIsWrong(part: string, [error]: FastifySchemaValidationError[]): Wrong {
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

/** The schema error formatter of the HTTP half. */
export function validationError(errors: FastifySchemaValidationError[], part: string): ChatError {
  return new ChatError('VALIDATION_FAILED', whatIsWrong(part, errors))
}

/** The beginning of a client's own key, for an error. */
export function cut(key: string): string {
  return key.slice(0, NAMED).toWellFormed()
}

/** What is allowed, where Ajv would show a regular expression or hide a list; undefined elsewhere. */
function inWords({ keyword, params, parentSchema }: ErrorObject): string | undefined {
  if (keyword === 'enum') return `must be one of: ${params['allowedValues'].join(', ')}`
  const allowed = ['pattern', 'minLength', 'maxLength'].includes(keyword) ? parentSchema?.['x-allowed'] : undefined
  return allowed && `must be ${allowed}`
}
