import { Type } from '@sinclair/typebox'

/** Maximum size of `data` in bytes, as JSON in UTF-8 without white space. */
export const DATA_BYTES = 4096

export type Data = Record<string, unknown>

/** A JSON object for the application's own use, stored with `owner`. validation.ts checks the keyword `x-max-bytes`. */
export function data(owner: string) {
  return Type.Unsafe<Data>({
    type: 'object',
    additionalProperties: true,
    'x-max-bytes': DATA_BYTES,
    description:
      `An object of your application's own, stored with the ${owner}. The server returns it and never interprets it. At ` +
      'most 4 KiB, counted as the UTF-8 bytes of its JSON without white space; nested at most 100 deep. A new value ' +
      'replaces the whole object',
    examples: [{ color: 'green' }]
  })
}
