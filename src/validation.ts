import type { TSchema } from '@sinclair/typebox'
import { Ajv, type SchemaValidateFunction, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import { whyNotStorable } from './json-object.ts'

// Unknown keys are refused, never dropped, so nothing is removed; only texts of the URL become numbers.
const strict = { removeAdditional: false, useDefaults: true, allErrors: false } as const
const bodies = new Ajv({ ...strict, coerceTypes: false })
const urls = new Ajv({ ...strict, coerceTypes: true })

// `data` of an application: a JSON object that is stored as it is.
bodies.addKeyword({
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
  return bodies.compile(schema)
}

/** The validator compiler of the HTTP half: bodies as they are, parts of the URL coerced from text. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  httpPart === 'body' ? compileBody(schema) : urls.compile(schema)

/** Characters of a key of the client's that an error repeats. */
const NAMED = 50

/** Ajv's own words for what is wrong with some part of a request or a frame; an unknown key is named. */
export function whatIsWrong(part: string, { instancePath, message, params }: FastifySchemaValidationError): string {
  const key = params['additionalProperty']
  return `${part}${instancePath} ${message}${typeof key === 'string' ? `: ${JSON.stringify(key.slice(0, NAMED))}` : ''}`
}
