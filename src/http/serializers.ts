import build, { type Schema } from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'
import { SHARED } from './openapi.ts'

const shared = Object.fromEntries(SHARED.map(schema => [schema.$id, schema as object as Schema]))
const compiled = new Map<string, ReturnType<typeof build>>()

/**
 * Fastify's serializer compiler. It compiles each schema once: many routes have the same replies, and errors differ in
 * their descriptions only.
 */
export const serializerCompiler: FastifySerializerCompiler<Schema> = ({ schema }) => {
  const shape = { ...schema, description: undefined } as Schema
  const key = JSON.stringify(shape)
  const serializer = compiled.get(key) ?? build(shape, { schema: shared })
  compiled.set(key, serializer)
  return serializer
}
