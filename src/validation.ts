import type { TSchema } from '@sinclair/typebox'
import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'

// Unknown keys are refused, never dropped, so nothing is removed; only texts of the URL become numbers.
const strict = { removeAdditional: false, useDefaults: true, allErrors: false } as const
const bodies = new Ajv({ ...strict, coerceTypes: false })
const urls = new Ajv({ ...strict, coerceTypes: true })

/** Compiles a schema for JSON bodies and socket frames: no type is coerced. */
export function compileBody(schema: TSchema): ValidateFunction {
  return bodies.compile(schema)
}

/** The validator compiler of the HTTP half: bodies as they are, parts of the URL coerced from text. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  httpPart === 'body' ? compileBody(schema) : urls.compile(schema)
