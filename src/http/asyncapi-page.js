// Runs in the browser, on /asyncapi: renders the document with the viewer. The viewer's own parser compiles schemas with
// `eval`, which the page's Content-Security-Policy forbids. So this script resolves the references itself.

const { AsyncApiStandalone, document: page } = /** @type {any} */ (globalThis)

/** Copies a part of the document, and replaces each reference with its target. `copies` maps parts to their copies. */
function resolve(/** @type {any} */ part, /** @type {any} */ root, /** @type {Map<any, any>} */ copies = new Map()) {
  if (typeof part !== 'object' || part === null) return part
  if (typeof part.$ref === 'string') {
    const target = part.$ref
      .slice(2)
      .split('/')
      .reduce((/** @type {any} */ value, /** @type {string} */ key) => value[key], root)
    return resolve(target, root, copies)
  }
  // The viewer compares channels and messages by identity, so each part has one copy only.
  if (copies.has(part)) return copies.get(part)
  const copy = /** @type {any} */ (Array.isArray(part) ? [] : {})
  copies.set(part, copy)
  for (const [key, value] of Object.entries(part)) copy[key] = resolve(value, root, copies)
  return copy
}

/** Sets the names that the viewer's parser would set. */
function name(/** @type {Record<string, any>} */ things, /** @type {string} */ key) {
  for (const [id, thing] of Object.entries(things)) thing[key] ??= id
}

const reply = await fetch('asyncapi.json')
const source = await reply.json()
const document = resolve(source, source)
document['x-parser-spec-parsed'] = true
name(document.operations, 'x-parser-unique-object-id')
name(document.components.messages, 'x-parser-unique-object-id')
name(document.components.schemas, 'x-parser-schema-id')
// The viewer shows the description of a message. Without this, it would show the same text again for the payload.
for (const { payload } of Object.values(document.components.messages)) delete payload.description
for (const operation of Object.values(document.operations)) {
  // The viewer repeats the channel, its server and its binding for each operation, although they are always the same.
  // Instead, the heading of each operation is the type of its frame.
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

// Opens the list of frames, and the fields of each frame. The viewer closes what was opened too early, so this repeats
// until nothing is closed.
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
