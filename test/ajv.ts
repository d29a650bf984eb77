import { Ajv } from 'ajv'

/** Returns an Ajv with the keywords and formats of the server's schemas. */
export function knowing(formats: Record<string, RegExp> = {}): Ajv {
  return new Ajv({
    keywords: ['x-max-bytes', 'x-allowed', 'x-enumDescriptions'],
    formats: { int64: true, ...formats }
  })
}
