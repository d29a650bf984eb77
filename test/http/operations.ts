import { codesOf } from '../contract.ts'
import type { Client, Json, Reply } from '../helper.ts'

/** Values of a request that differ from the examples of the document. */
export interface Instead {
  /** Path parameters by name. */
  params?: Record<string, string | number>
  /** Additional keys of the query. */
  query?: string
  body?: unknown
  headers?: Record<string, string>
}

export interface Operation {
  name: string
  method: string
  path: string
  /** `[status, code]` of every error in the document. */
  errors: [status: number, code: string][]
  /** Sends the request with the values that the page at /docs fills in. */
  send(who: Client, instead?: Instead): Promise<Reply<Json>>
}

/** Returns all operations of an OpenAPI document, with requests made of their examples. */
export function operationsOf(document: Json): Operation[] {
  return Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => toOperation(method.toUpperCase(), path, operation))
  )
}

function toOperation(method: string, path: string, operation: Json): Operation {
  const { parameters = [], requestBody, responses } = operation
  const filled = exampleOf(requestBody?.content['application/json'] ?? {})
  // Like Swagger UI: the example, else the default, else nothing.
  const value = ({ example, schema }: Json) => example ?? schema.default
  const shown = parameters.filter((parameter: Json) => value(parameter) !== undefined)
  const values = new Map<string, string | number>(shown.map((parameter: Json) => [parameter.name, value(parameter)]))
  const inQuery = shown.filter((parameter: Json) => parameter.in === 'query').map(({ name }: Json) => name)

  function address({ params = {}, query = '' }: Instead): string {
    const written = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? values.get(name) ?? ''))
    const pairs = inQuery.map((name: string) => `${name}=${encodeURIComponent(values.get(name) as string)}`)
    return `${written}?${[...pairs, query].filter(Boolean).join('&')}`
  }

  return {
    name: operation.operationId,
    method,
    path,
    errors: Object.entries<Json>(responses).flatMap(([status, { content }]) =>
      Number(status) < 400
        ? []
        : codesOf(content['application/json']).map((code): [number, string] => [Number(status), code])
    ),
    send: (who, instead = {}) =>
      who.request(method, address(instead), 'body' in instead ? instead.body : filled, instead.headers)
  }
}

function exampleOf({ example, examples = {} }: Json): unknown {
  return example ?? Object.values<Json>(examples)[0]?.value
}
