import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { build, type Json, type Reply } from '../helper.ts'

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

t.test('real replies are as the document says', async t => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema(document, 'document')
  function check(name: string, { status, body }: Reply<Json>, expected: number) {
    t.equal(status, expected, name)
    const [method = '', path = ''] = name.split(' ')
    const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', 'application/json']
    const escaped = [...pointer, 'schema'].map(key => encodeURIComponent(key.replaceAll('/', '~1')))
    const validate = ajv.compile({ $ref: `document#/${escaped.join('/')}` })
    t.ok(validate(body), `${name} ${status}`, { errors: validate.errors, body })
    t.notOk(validate({}), `${name} ${status} is not anything`)
  }

  const { id, path, people } = await server.chat('ann', 'bob')
  const [ann, bob] = people
  check('POST /chats', await ann.post('/chats', { title: 'Open', visibility: 'public' }), 201)
  check('POST /chats', await ann.post('/chats', {}), 400)
  check('POST /chats/direct', await ann.post('/chats/direct', { user_id: bob.user.id }), 201)
  check('POST /chats/direct', await bob.post('/chats/direct', { user_id: ann.user.id }), 200)
  const sent = { message: 'Hello', client_id: 'c1' }
  check('POST /chats/{chat_id}/messages', await ann.post(`${path}/messages`, sent), 201)
  check('POST /chats/{chat_id}/messages', await ann.post(`${path}/messages`, sent), 200)
  check('POST /chats/{chat_id}/messages', await ann.post(`${path}/messages`, { ...sent, message: 'Hi' }), 409)
  check('PATCH /chats/{chat_id}/messages/{id}', await ann.patch(`${path}/messages/1`, { message: 'Hi' }), 200)
  check('DELETE /chats/{chat_id}/messages/{id}', await ann.delete(`${path}/messages/1`), 200)
  check('GET /chats/{chat_id}/messages/{id}', await bob.get(`${path}/messages/9`), 404)
  check('PATCH /chats/{chat_id}', await ann.patch(path, { title: 'Renamed' }), 200)
  check('PATCH /chats/{chat_id}', await bob.patch(path, { title: 'Mine' }), 403)
  check('GET /chats/{chat_id}/messages', await bob.get(`${path}/messages`), 200)
  check('GET /chats', await bob.get('/chats?limit=1'), 200)
  check('GET /chats/public', await bob.get('/chats/public'), 200)
  check('PUT /chats/{chat_id}/read', await bob.put(`${path}/read`, { id: 1 }), 200)
  check('GET /chats/{chat_id}/members', await bob.get(`${path}/members?limit=1`), 200)
  check(
    'PUT /chats/{chat_id}/members/{user_id}',
    await ann.put(`${path}/members/${ann.user.id}`, { role: 'member' }),
    409
  )
  check('GET /auth/me', await bob.get('/auth/me'), 200)
  check('GET /auth/me', await server.stranger().get('/auth/me'), 401)
  check('GET /auth/sessions', await bob.get('/auth/sessions'), 200)
  check('GET /users', await bob.get('/users?query=a'), 200)
  check('GET /ws', await bob.get(`/ws?chat_id=${id}`), 426)
})
