// Runs in the browser, on /asyncapi: gives the document to the viewer. The viewer's own parser compiles schemas with
// `eval`, which the page's policy forbids; all that is left of its work is to follow the references.

const { AsyncApiStandalone, document: page } = /** @type {any} */ (globalThis)

/** A copy of a part of the document with what its references name in their place. */
function follow(/** @type {any} */ part, /** @type {any} */ root, /** @type {Map<any, any>} */ done = new Map()) {
  if (typeof part !== 'object' || part === null) return part
  if (typeof part.$ref === 'string') {
    const target = part.$ref
      .slice(2)
      .split('/')
      .reduce((/** @type {any} */ value, /** @type {string} */ key) => value[key], root)
    return follow(target, root, done)
  }
  // The viewer tells channels and messages apart by identity: what is the same here must be the same there.
  if (done.has(part)) return done.get(part)
  const copy = /** @type {any} */ (Array.isArray(part) ? [] : {})
  done.set(part, copy)
  for (const [key, value] of Object.entries(part)) copy[key] = follow(value, root, done)
  return copy
}

/** Names what the viewer's parser would have named. */
function name(/** @type {Record<string, any>} */ things, /** @type {string} */ key) {
  for (const [id, thing] of Object.entries(things)) thing[key] ??= id
}

const reply = await fetch('asyncapi.json')
const source = await reply.json()
const document = follow(source, source)
document['x-parser-spec-parsed'] = true
name(document.operations, 'x-parser-unique-object-id')
name(document.components.messages, 'x-parser-unique-object-id')
name(document.components.schemas, 'x-parser-schema-id')
// The viewer shows the description of a message, and would show it again.
for (const { payload } of Object.values(document.components.messages)) delete payload.description
for (const operation of Object.values(document.operations)) {
  // The viewer repeats the channel, its server and its binding with each operation. They are always the same, and the
  // description has said it all: instead, each is headed by what tells it apart, the type of its frame.
  operation.channel = { address: operation.messages[0].name, servers: [undefined] }
}

const root = page.getElementById('asyncapi')
const config = {
  show: { sidebar: true, messages: false, messageExamples: true, schemas: false },
  expand: { messageExamples: true },
  sidebar: { showOperations: 'byOperationsTags', useChannelAddressAsIdentifier: true },
  sendLabel: 'You get',
  receiveLabel: 'You send'
}
AsyncApiStandalone.render({ schema: document, config }, root)

// The list of frames, and the fields of each, are shown at once, not after a click. The viewer closes what is opened
// before it is quite ready, so this looks twice.
const closed = [
  '.sidebar button:has(.-rotate-90)',
  '#operations .shadow > .mt-2 > .flex > .border > .bg-gray-100 button.focus\\:ring-2:not(:has(.-rotate-90))'
].join()
let opened = false
const timer = setInterval(() => {
  const buttons = root.querySelectorAll(closed)
  if (opened && buttons.length === 0) clearInterval(timer)
  for (const button of buttons) button.click()
  opened ||= buttons.length > 0
}, 50)
