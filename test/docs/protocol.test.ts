import { readFileSync } from 'node:fs'
import t from 'tap'
import { CLOSE_CODES } from '../../src/schemas/close-codes.ts'
import { incomingFrames, outgoingFrames } from '../../src/schemas/frame.ts'
import { knowing } from '../ajv.ts'
import { wrongWith } from '../frames.ts'
import { build, type Json } from '../helper.ts'

// What the page for people who write clients says, against the server.

const read = (file: string) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')
const page = read('protocol.md')

/** The text under a heading of the second level. */
function section(title: string): string {
  const [, text] = page.split(`\n## ${title}\n`)
  if (text === undefined) throw new Error(`no section ${title}`)
  return text.split('\n## ')[0] as string
}

/** What the code blocks of a text show, in JSON. */
function examples(text: string): Json[] {
  const blocks = [...text.matchAll(/```json\n(.*?)```/gs)].flatMap(([, block = '']) => block.split(/\n(?=\{)/))
  return blocks.map(block => JSON.parse(block))
}

/** The cells of the rows of the first table of a text, without its head. */
function table(text: string): string[][] {
  const rows = text.split('\n').filter(line => line.startsWith('|'))
  return rows.slice(2).map(row =>
    row
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim())
  )
}

t.test('the client that it shows is the one that is tested', async t => {
  t.ok(page.includes(`\`\`\`ts\n${read('client.ts')}\`\`\``))
})

t.test('it shows every frame that clients send, as the server takes it', async t => {
  const ajv = knowing()
  const shown = examples(section('Frames that you send'))
  t.strictSame([...new Set(shown.map(({ type }) => type))], Object.keys(incomingFrames))
  for (const frame of [...shown, ...examples(section('Opening a socket'))]) {
    const check = ajv.compile(incomingFrames[(frame.type ?? 'send') as keyof typeof incomingFrames])
    t.ok(check(frame), JSON.stringify(frame), { errors: check.errors })
  }
})

t.test('it shows every frame that the server sends, as the server sends it', async t => {
  const shown = examples(section('Frames that you receive'))
  t.strictSame([...new Set(shown.map(({ type }) => type))].sort(), Object.keys(outgoingFrames).sort())
  for (const frame of shown) t.equal(wrongWith(frame, true), undefined)
  for (const message of examples(section('A message')))
    t.equal(wrongWith({ type: 'message', ...message }, true), undefined)
})

t.test('it lists every operation, and no other', async t => {
  const server = await build(t)
  const { paths }: Json = (await server.stranger().get('/openapi.json')).body
  const operations = Object.entries<Json>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`)
  )
  const listed = table(section('HTTP')).flatMap(([cell = '']) => {
    const names = [...cell.matchAll(/`([A-Z]+)(?: (\/[^`]+))?`/g)]
    return names.map(([, method, path], i) => `${method} ${path ?? names.slice(i).find(([, , path]) => path)?.[2]}`)
  })
  t.strictSame(listed.sort(), operations.filter(name => name !== 'GET /ws').sort())
})

t.test('it says of every close code what the reference says', async t => {
  const rows = table(section('When the socket closes')).map(([code, , next]) => [Number(code), next?.split(',')[0]])
  const says = (next: string) => (/^Reconnect/.test(next) ? 'yes' : /^Log in/.test(next) ? 'log in first' : 'no')
  t.strictSame(
    rows,
    CLOSE_CODES.map(({ code, next }) => [code, says(next)])
  )
})
