import { STATUS_CODES } from 'node:http'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { catalogue, type ErrorCode } from '../../src/errors.ts'
import { build, type Json } from '../helper.ts'

const server = await build(t)
const document: Json = (await server.stranger().get('/openapi.json')).body

const PUBLIC = ['POST /auth/register', 'POST /auth/login', 'GET /health/live', 'GET /health/ready']
const OPERATIONS = [
  ...PUBLIC,
  'POST /auth/logout',
  'GET /auth/me',
  'POST /auth/password',
  'GET /auth/sessions',
  'DELETE /auth/sessions/{session_id}',
  'GET /users',
  'GET /users/{user_id}',
  'PATCH /users/me',
  'POST /chats',
  'POST /chats/direct',
  'GET /chats',
  'GET /chats/public',
  'GET /chats/{chat_id}',
  'PATCH /chats/{chat_id}',
  'DELETE /chats/{chat_id}',
  'POST /chats/{chat_id}/join',
  'GET /chats/{chat_id}/members',
  'PUT /chats/{chat_id}/members/{user_id}',
  'DELETE /chats/{chat_id}/members/{user_id}',
  'GET /chats/{chat_id}/messages',
  'POST /chats/{chat_id}/messages',
  'GET /chats/{chat_id}/messages/{id}',
  'PATCH /chats/{chat_id}/messages/{id}',
  'DELETE /chats/{chat_id}/messages/{id}',
  'PUT /chats/{chat_id}/read',
  'GET /ws'
]

/** `[name, operation]` of every operation, named as in OPERATIONS. */
const operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
  Object.entries<Json>(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const)
)

function resolve(schema: Json): Json {
  if (!schema.$ref) return schema
  const target = schema.$ref
    .slice(2)
    .split('/')
    .reduce((part: Json, key: string) => part[key], document)
  return { ...resolve(target), ...schema }
}

/** Where a property under `schema` lacks a description. */
function undescribed(schema: Json, where: string, seen: string[] = []): string[] {
  if (schema.$ref && seen.includes(schema.$ref)) return []
  const path = schema.$ref ? [...seen, schema.$ref] : seen
  const { properties = {}, items } = resolve(schema)
  const own = Object.entries<Json>(properties).flatMap(([key, property]) => [
    ...(resolve(property).description ? [] : [`${where}.${key}`]),
    ...undescribed(property, `${where}.${key}`, path)
  ])
  return items ? [...own, ...undescribed(items, `${where}[]`, path)] : own
}

t.test('the document is valid OpenAPI 3.1', async t => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document))
  t.ok(valid, { errors })
  t.equal(validator.version, '3.1')
  t.match(document.openapi, /^3\.1\.\d$/)
})

t.test('every operation of the server is in it, the socket too', async t => {
  const names = new Set<string>(operations.map(([name]) => name))
  t.strictSame(
    OPERATIONS.filter(name => !names.has(name)),
    []
  )
})

t.test('every operation has a name of its own, a summary, a description and known tags', async t => {
  const ids = operations.map(([, { operationId }]) => operationId)
  t.equal(new Set(ids).size, ids.length)
  const tags = document.tags.map(({ name }: Json) => name)
  for (const [name, operation] of operations) {
    t.match(operation, { operationId: /^[a-z][A-Za-z]+$/, summary: /\w/, description: /\w/, tags: [/\w/] }, name)
    t.ok(
      operation.tags.every((tag: string) => tags.includes(tag)),
      `${name}: ${operation.tags}`
    )
  }
})

t.test('every parameter, property and reply says what it is', async t => {
  for (const [name, { parameters = [], requestBody, responses }] of operations) {
    const missing: string[] = []
    for (const { name, description } of parameters) if (!description) missing.push(`parameter ${name}`)
    const body = requestBody?.content['application/json'].schema
    if (body) missing.push(...undescribed(body, 'body'))
    for (const [status, { description, content }] of Object.entries<Json>(responses)) {
      if (!description || description === 'Default Response') missing.push(`reply ${status}`)
      const schema = content?.['application/json'].schema
      if (schema) missing.push(...undescribed(schema, `reply ${status}`))
    }
    t.strictSame(missing, [], name)
  }
})

t.test('a parameter with a default may be left out', async t => {
  const withDefault = operations.flatMap(([, { parameters = [] }]) =>
    parameters.filter(({ schema }: Json) => 'default' in schema)
  )
  t.ok(withDefault.length > 0)
  t.strictSame(
    withDefault.filter(({ required }: Json) => required),
    []
  )
})

t.test('operations need the session cookie, but for those that cannot', async t => {
  t.match(document.components.securitySchemes, { session: { type: 'apiKey', in: 'cookie', name: 'access_token' } })
  t.strictSame(document.security, [{ session: [] }])
  const open = operations.filter(([, { security }]) => security?.length === 0).map(([name]) => name)
  t.strictSame(open.sort(), [...PUBLIC].sort())
  for (const [name, { security, responses }] of operations) {
    if (!security) t.ok(responses[401], `${name} tells of 401`)
  }
})

/** `[name, status, media]` of every body in JSON: of a request, without a status, or of a reply. */
const bodies = operations.flatMap(([name, { requestBody, responses }]) => [
  ...(requestBody ? [[name, '', requestBody.content['application/json']] as const] : []),
  ...Object.entries<Json>(responses)
    .filter(([, { content }]) => content)
    .map(([status, { content }]) => [name, status, content['application/json']] as const)
])

t.test('every body has whole examples, and each is valid', async t => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema(document, 'document')
  t.ok(bodies.length > 250)
  for (const [name, status, media] of bodies) {
    const { schema, example, examples = { only: { value: example } } } = media
    const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')))
    for (const { value } of Object.values<Json>(examples)) {
      t.ok(check(value), `${name} ${status}`, { errors: check.errors, value })
      t.notOk(check(1), `${name} ${status} is not anything`)
    }
  }
})

t.test('the examples of an error are of its status, and of the codes that its description names', async t => {
  for (const [name, status, media] of bodies.filter(([, status]) => Number(status) >= 400)) {
    const { example, examples = { only: { value: example } } } = media
    const operation = operations.find(([other]) => other === name)?.[1]
    for (const { value } of Object.values<Json>(examples)) {
      const { statusCode, code, error, field } = value
      t.equal(String(statusCode), status, name)
      t.equal(catalogue[code as ErrorCode].status, statusCode, code)
      t.equal(error, STATUS_CODES[statusCode], name)
      t.ok(operation.responses[status].description.includes(`\`${code}\``), `${name} ${status} names ${code}`)
      t.equal(field !== undefined, code === 'VALIDATION_FAILED', code)
    }
  }
  const login = document.paths['/auth/login'].post.responses
  t.equal(login[401].content['application/json'].example.code, 'BAD_CREDENTIALS')
})

t.test('a code is one of the catalogue', async t => {
  const codes = Object.keys(catalogue)
  t.strictSame(resolve(resolve(document.components.schemas.Error).properties.code).enum, codes)
})

t.test('what follows from the method and the settings of an operation is listed', async t => {
  for (const [name, { responses, security }] of operations) {
    const missing = (...statuses: number[]) => statuses.filter(status => !responses[status])
    t.strictSame(missing(400, 500), [], name)
    // Even a server that is overloaded or stops answers that it lives.
    t.equal(missing(503).length === 0, name !== 'GET /health/live', name)
    if (!name.startsWith('GET ')) t.strictSame(missing(403, 413, 415, 429), [], name)
    for (const [status, { headers }] of Object.entries<Json>(responses)) {
      if (status === '101') continue
      t.ok(headers['Cache-Control'], `${name} ${status}`)
      t.equal('Retry-After' in headers, ['429', '503'].includes(status), `${name} ${status}`)
      if (!security && status.startsWith('2')) t.ok(headers['Set-Cookie'], `${name} ${status}`)
    }
  }
  t.ok(document.paths['/auth/login'].post.responses[200].headers['Set-Cookie'])
  t.ok(document.paths['/auth/logout'].post.responses[401].headers['Set-Cookie'])
})

t.test('errors of no operation are in it as well', async t => {
  const { responses, headers } = document.components
  for (const [name, status] of Object.entries({
    NotFound: 404,
    RequestTimeout: 408,
    ExpectationFailed: 417,
    HeadersTooLarge: 431
  })) {
    t.equal(responses[name].content['application/json'].example.statusCode, status)
    t.match(document.info.description, `- ${status} \``)
  }
  t.strictSame(responses.NotFound.headers, { Allow: { $ref: '#/components/headers/Allow' } })
  t.ok(headers.Allow)
})

t.test('a body of which nothing is required may be left out, and others may not', async t => {
  const optional = operations.filter(([, { requestBody }]) => requestBody && !requestBody.required)
  t.strictSame(
    optional.map(([name]) => name),
    ['PUT /chats/{chat_id}/members/{user_id}']
  )
  const { path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  for (const body of [undefined, 'null', '{}']) {
    t.match(await ann.request('PUT', `${path}/members/${bob.user.id}`, body), { status: 200, body: { role: 'member' } })
  }
  for (const url of [path, '/users/me']) t.equal((await ann.request('PATCH', url)).status, 400, url)
})

t.test('integers that may be large say so', async t => {
  const small = JSON.stringify(document, (_key, value) =>
    value?.type === 'integer' && value.maximum > 2 ** 31 && value.format !== 'int64' ? 'SMALL' : value
  )
  t.notMatch(small, /SMALL/)
  t.match(document.components.schemas.Message.properties.id, { type: 'integer', format: 'int64' })
})

t.test('it names the server as the request has reached it', async t => {
  t.match(document.servers, [{ url: server.url }])
  const behindProxy = await build(t, { TRUST_PROXY: '127.0.0.1' })
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example.com:8443' }
  const { body } = await behindProxy.stranger().get('/openapi.json', headers)
  t.match(body.servers, [{ url: 'https://chat.example.com:8443' }])
})
