import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { Parser } from '@asyncapi/parser'
import { Ajv, type ValidateFunction } from 'ajv'
import t from 'tap'
import { CLOSE } from '../../src/chat/socket/close-codes.ts'
import { catalogue } from '../../src/errors.ts'
import { SHARED } from '../../src/http/openapi.ts'
import { incomingFrames, outgoingFrames } from '../../src/schemas/frame.ts'
import { build, type Json } from '../helper.ts'

const server = await build(t)
const { status, body } = await server.stranger().get('/asyncapi.json')
const document: Json = body

const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema(document, 'document')

const messages = Object.entries<Json>(document.components.messages)

/** Checks the payload of a message. */
function payloadOf(name: string): ValidateFunction {
  return ajv.compile({ $ref: `document#/components/messages/${name}/payload` })
}

/** Where a property under `schema` lacks a description. */
function undescribed(schema: Json, where: string): string[] {
  const { properties = {}, items } = schema
  const own = Object.entries<Json>(properties).flatMap(([key, property]) => [
    ...(property.description || property.$ref ? [] : [`${where}.${key}`]),
    ...undescribed(property, `${where}.${key}`)
  ])
  return items ? [...own, ...undescribed(items, `${where}[]`)] : own
}

t.test('the document is public and valid AsyncAPI 3.0', async t => {
  t.equal(status, 200)
  t.equal(document.asyncapi, '3.0.0')
  const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document))
  t.ok(parsed)
  const others = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version')
  t.strictSame(
    others.map(({ message, path }) => `${path.join('.')}: ${message}`),
    []
  )
})

t.test('every frame is in it, and nothing else', async t => {
  const expected = [
    ...Object.keys(incomingFrames).map(type => `client.${type}`),
    ...Object.keys(outgoingFrames).map(type => `server.${type}`)
  ]
  const plain = ['client.send', 'server.message', 'server.error']
  t.strictSame(
    messages.map(([name]) => name),
    expected
  )
  t.strictSame(Object.keys(document.channels), ['plain', 'confab.v1'])
  t.strictSame(Object.keys(document.channels['confab.v1'].messages), expected)
  t.strictSame(Object.keys(document.channels.plain.messages), plain)
  t.strictSame(Object.keys(document.operations), [...plain.map(name => `plain.${name}`), ...expected])
  for (const [name, { action, channel, messages }] of Object.entries<Json>(document.operations)) {
    t.equal(action, name.includes('client.') ? 'receive' : 'send', name)
    const message = name.replace('plain.', '')
    t.strictSame(messages, [{ $ref: `${channel.$ref}/messages/${message}` }], name)
  }
})

t.test('every message says what it is, and so does every key of it', async t => {
  for (const [name, message] of messages) {
    t.match(message, { name: /^\w+$/, title: /\w/, description: /\w/, examples: [{ name: /\w/ }] }, name)
    t.strictSame(undescribed(message.payload, name), [])
  }
  for (const [name, schema] of Object.entries<Json>(document.components.schemas)) {
    t.match(schema, { description: /\w/ }, name)
    t.strictSame(undescribed(schema, name), [])
  }
})

t.test('generators find a name for every object and enum', async t => {
  const found: string[] = []
  function look(part: Json, where: string): void {
    if (typeof part !== 'object' || part === null) return
    const named = (part.properties || part.enum) && part.title === undefined
    if (named) found.push(where)
    for (const [key, value] of Object.entries(part)) if (key !== 'examples') look(value, `${where}/${key}`)
  }
  for (const [name, schema] of Object.entries<Json>(document.components.schemas)) {
    look(schema, name)
    t.equal(schema.title, name)
  }
  for (const [name, { payload }] of messages) {
    const [sender, type = ''] = name.split('.') as [string, string]
    const title = [sender, type].map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
    t.strictSame(payload, { $ref: `#/components/schemas/${title}` }, name)
  }
  t.strictSame(found, [])
})

t.test('what has one name is one schema', async t => {
  const shapes = new Map<string, string>()
  function look(part: Json): void {
    if (typeof part !== 'object' || part === null) return
    if (typeof part.title === 'string') {
      const shape = JSON.stringify(part)
      t.equal(shapes.get(part.title) ?? shape, shape, part.title)
      shapes.set(part.title, shape)
    }
    for (const value of Object.values(part)) look(value)
  }
  for (const schema of [...Object.values(incomingFrames), ...Object.values(outgoingFrames), ...SHARED]) look(schema)
})

t.test('a code is one of the catalogue', async t => {
  t.strictSame(document.components.schemas.ErrorCode.enum, Object.keys(catalogue))
  t.strictSame(document.components.schemas.ServerError.properties.code, { $ref: '#/components/schemas/ErrorCode' })
})

t.test('every example is valid, and other frames are not', async t => {
  for (const [name, { examples }] of messages) {
    const validate = payloadOf(name)
    for (const { name: what, payload } of examples) {
      t.ok(validate(payload), `${name}: ${what}`, { errors: validate.errors })
      t.notOk(validate({ ...payload, more: 1 }), `${name}: ${what}, and more`)
      t.notOk(validate({ ...payload, type: 'other' }), `${name}: ${what}, of another type`)
    }
  }
})

t.test('it says how to connect', async t => {
  const { servers, channels, components } = document
  t.match(servers.confab, { host: new URL(server.url).host, protocol: 'ws' })
  t.match(components.securitySchemes.session, { type: 'httpApiKey', in: 'cookie', name: 'access_token' })
  t.match(channels.plain, { address: '/ws', bindings: { ws: { query: { required: ['chat_id'] } } } })
  t.match(channels['confab.v1'].bindings.ws, {
    query: { properties: { chat_id: { type: 'integer' }, after: { type: 'integer' } }, required: [] },
    headers: { properties: { 'Sec-WebSocket-Protocol': { const: 'confab.v1' } } }
  })
  for (const link of ['/docs', '/redoc']) t.ok(document.info.description.includes(`(${link})`), link)
  for (const [code] of Object.values(CLOSE)) t.match(document.info.description, `| ${code} |`)
})

t.test('the server is named as the request has reached it', async t => {
  const behindProxy = await build(t, { TRUST_PROXY: '127.0.0.1', COOKIE_NAME: 'chat' })
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example.com' }
  const forwarded: Json = (await behindProxy.stranger().get('/asyncapi.json', headers)).body
  t.match(forwarded.servers.confab, { host: 'chat.example.com', protocol: 'wss' })
  t.equal(forwarded.components.securitySchemes.session.name, 'chat')

  const old = connect(Number(new URL(server.url).port), '127.0.0.1')
  old.end('GET /asyncapi.json HTTP/1.0\r\n\r\n')
  t.match(await text(old), '"host":"localhost"', 'HTTP/1.0 needs no Host')
})

t.test('it is linked from the OpenAPI document, and not an operation of it', async t => {
  const openapi: Json = (await server.stranger().get('/openapi.json')).body
  t.ok(openapi.info.description.includes('(/asyncapi)'))
  t.equal(openapi.info.version, document.info.version)
  t.strictSame(
    Object.keys(openapi.paths).filter(path => path.startsWith('/asyncapi')),
    []
  )
})

t.test('the page and its script come from this server, under a strict policy', async t => {
  const page = await server.stranger().get('/asyncapi')
  t.match(page, { status: 200, body: /<script src="asyncapi\/page.js" type="module">/ })
  t.match(page.headers.get('content-type'), /^text\/html/)
  t.match(page.headers.get('content-security-policy'), /(^|; )script-src 'self'(;|$)/)
  t.notMatch(page.body, /\b(src|href)="(https?:)?\/\//)
  const script = await server.stranger().get('/asyncapi/page.js')
  t.equal(script.status, 200)
  t.match(script.headers.get('content-type'), /^text\/javascript/)
})

t.test('the script of the page gives the viewer a document without references', async t => {
  let clicks = 0
  const button = () => ({ click: () => clicks++ })
  // The viewer is not ready at first, then closed twice.
  const looks = [[], [button(), button()], [button()], []]
  const root = { querySelectorAll: () => looks.shift() }
  let rendered: Json
  const browser = {
    document: { getElementById: () => root },
    AsyncApiStandalone: { render: (given: object, where: object) => (rendered = { given, where }) },
    fetch: async () => Response.json(document)
  }
  const before = Object.fromEntries(Object.keys(browser).map(key => [key, Reflect.get(globalThis, key)]))
  Object.assign(globalThis, browser)
  await import('../../src/http/asyncapi-page.js')
  Object.assign(globalThis, before)

  const { schema } = rendered.given
  t.equal(rendered.where, root)
  t.notMatch(JSON.stringify(schema), '"$ref"')
  t.ok(schema['x-parser-spec-parsed'])
  t.strictSame(
    Object.values<Json>(schema.operations).map(({ channel }) => channel.address),
    Object.values<Json>(document.operations).map(({ messages }) => messages[0].$ref.split('.').at(-1))
  )
  t.equal(
    schema.components.messages['server.chat'].payload.properties.chat.properties.peer,
    schema.components.schemas.User,
    'what is the same stays the same'
  )
  while (looks.length > 0) await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(clicks, 3)
})
