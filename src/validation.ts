import type { TSchema } from '@sinclair/typebox'
import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'

// Unknown keys are refused, never dropped, so nothing is removed; only texts of the URL become numbers.
const strict = { removeAdditional: false, useDefaults: true, allErrors: false } as const

/** Compiles a schema for JSON bodies and socket frames: no type is coerced. One instance serves one app. */
export function bodyCompiler(): (schema: TSchema) => ValidateFunction {
  const ajv = new Ajv({ ...strict, coerceTypes: false })
  return schema => ajv.compile(schema)
}

/** The validator compiler of the HTTP half: bodies as they are, parts of the URL coerced from text. */
export function validatorCompiler(): FastifySchemaCompiler<TSchema> {
  const bodies = bodyCompiler()
  const urls = new Ajv({ ...strict, coerceTypes: true })
  return ({ schema, httpPart }) => (httpPart === 'body' ? bodies(schema) : urls.compile(schema))
}
