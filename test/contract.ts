import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Json, Reply } from './helper.ts'

/** Headers that a reply may have only when the document has them. */
const HEADERS = ['cache-control', 'set-cookie', 'retry-after', 'upgrade', 'allow']

interface Operation {
  /** The path of the document, such as `/chats/{chat_id}`. */
  template: string
  pattern: RegExp
  method: string
  responses: Record<string, Json>
}

/** Compares replies of the server with its OpenAPI document. */
export class Contract {
  readonly #operations: Operation[]
  readonly #headers: Record<string, Json>
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  readonly #checks = new Map<string, ReturnType<Ajv2020['compile']>>()

  constructor(document: Json) {
    this.#ajv.addSchema(document, 'document')
    this.#headers = document.components.headers
    const operations = Object.entries<Json>(document.paths).flatMap(([template, methods]) => {
      const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`)
      return Object.entries<Json>(methods).map(([method, { responses }]) => {
        return { template, pattern, method: method.toUpperCase(), responses }
      })
    })
    // A path without parameters matches before a path with parameters.
    this.#operations = operations.sort((a, b) => parameters(a) - parameters(b))
  }

  /** Describes in one line how a reply differs from the document; undefined when it does not, or for unknown paths. */
  wrongWith(method: string, target: string, reply: Reply<Json>): string | undefined {
    const [path = ''] = target.split('?')
    const operation = this.#operations.find(other => other.method === method && other.pattern.test(path))
    const reason = operation && this.#reason(operation, reply)
    return reason && `${method} ${target} answered against the document: ${reason}: ${JSON.stringify(reply.body)}`
  }

  #reason(operation: Operation, { status, headers, body }: Reply<Json>): string | undefined {
    const documented = operation.responses[status]
    if (!documented) return `${status} is not documented`
    const named = Object.keys(documented.headers ?? {})
    const more = HEADERS.filter(name => headers.has(name) && !named.some(other => other.toLowerCase() === name))
    if (more.length > 0) return `${status} has headers that are not documented: ${more}`
    const missing = named.filter(name => this.#headers[name].required && !headers.has(name))
    if (missing.length > 0) return `${status} lacks ${missing}`
    const media = documented.content?.['application/json']
    if (!media) return body === '' ? undefined : `${status} has no body in the document`
    const check = this.#check(operation, status)
    if (!check(body)) return this.#ajv.errorsText(check.errors)
    if (status >= 400 && !codesOf(media).includes(body.code)) return `${body.code} is not documented for ${status}`
    return undefined
  }

  #check({ template, method }: Operation, status: number) {
    const path = ['paths', template, method.toLowerCase(), 'responses', status, 'content', 'application/json', 'schema']
    const pointer = path.map(key => encodeURIComponent(String(key).replaceAll('/', '~1'))).join('/')
    const check = this.#checks.get(pointer) ?? this.#ajv.compile({ $ref: `document#/${pointer}` })
    this.#checks.set(pointer, check)
    return check
  }
}

/** Returns the codes that a reply may have. The document has an example of each. */
export function codesOf({ example, examples = { only: { value: example } } }: Json): string[] {
  return Object.values<Json>(examples).map(({ value }) => value.code)
}

function parameters({ template }: Operation): number {
  return template.split('{').length
}
