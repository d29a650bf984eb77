import build, { type Schema } from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'
import { SHARED } from './openapi.ts'

const shared = Object.fromEntries(SHARED.map(schema => [schema.$id, schema as object as Schema]))
const compiled = new Map<string, ReturnType<typeof build>>()

/**
 * The serializer compiler: what answers are written with, compiled once for each shape. Routes share most of theirs,
 * errors above all, which differ in their descriptions only.
 */
export const serializerCompiler: FastifySerializerCompiler<Schema> = ({ schema }) => {
  const shape = { ...schema, description: undefined } as Schema
  const key = JSON.stringify(shape)
  const known = compiled.get(key) ?? build(shape, { schema: shared })
  compiled.set(key, known)
  return known
}
