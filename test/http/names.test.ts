import t from 'tap'
import { build } from '../helper.ts'

const REFUSED: [name: string, text: string][] = [
  ['nothing', ''],
  ['a blank', ' '],
  ['blanks of other widths', '\u00a0\u2003\u3000\u205f'],
  ['a null character', 'a\u0000b'],
  ['a line feed', 'a\nb'],
  ['a line break at the end', 'a\n'],
  ['a carriage return', 'a\rb'],
  ['a tab', 'a\tb'],
  ['ESC', 'a\u001b[31mb'],
  ['a C1 control', 'a\u009bb'],
  ['NEL', 'a\u0085b'],
  ['a line separator', 'a\u2028b'],
  ['a paragraph separator', 'a\u2029b'],
  ['a right-to-left override', 'a\u202eb'],
  ['an embedding', '\u202ba'],
  ['an isolate', 'a\u2067b\u2069'],
  ['a zero-width space', '\u200b'],
  ['joiners', '\u200d\u200c'],
  ['a byte order mark', '\ufeff'],
  ['a word joiner and a blank', '\u2060 \u2060'],
  ['a soft hyphen', '\u00ad'],
  ['a Hangul filler', '\u3164'],
  ['a half-width Hangul filler', '\uffa0'],
  ['a blank in Braille', '\u2800'],
  ['variation selectors', '\ufe0f\u{e0100}'],
  ['tags', '\u{e0041}\u{e007f}'],
  ['marks on nothing', '\u0301\u20dd']
]

const TAKEN = [
  'Ann',
  ' Ann ',
  'Ann O’Neill-Smith (she/her)',
  'Zoë',
  'Zoe\u0308',
  'Søren 🐻',
  '👩‍👩‍👧',
  '❤️',
  '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
  'محمد',
  'דוד \u200f(א)',
  'می‌خواهم',
  'นิด',
  '한글',
  '李 小龙',
  '...',
  '<b>&amp;'
]

t.test('a name has something to see, on one line, and changes nothing around it', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const account = { username: 'bob', password: 'correct horse' }
  const wrong = { status: 400, body: { code: 'VALIDATION_FAILED' } }
  for (const [name, text] of REFUSED) {
    t.match(await server.stranger().post('/auth/register', { ...account, display_name: text }), wrong, name)
    t.match(await ann.patch('/users/me', { display_name: text }), wrong, name)
    t.match(await ann.post('/chats', { title: text }), wrong, name)
    t.match(await ann.patch(path, { title: text }), wrong, name)
  }
  for (const text of TAKEN) {
    t.match(await ann.patch('/users/me', { display_name: text }), { status: 200, body: { display_name: text } })
    t.match(await ann.post('/chats', { title: text }), { status: 201, body: { title: text } })
    t.match(await ann.patch(path, { title: text }), { status: 200, body: { title: text } })
  }
  const half = await ann.patch('/users/me', { display_name: 'half \ud83d of a pair' })
  t.match(half, { status: 200, body: { display_name: 'half \ufffd of a pair' } })
  t.match(await server.stranger().post('/auth/register', account), { status: 201 })
})

t.test('names from before this rule stay readable', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  await server.sql('update users set display_name = ?', 'a\u202eb\n')
  await server.sql('update chats set title = ?', '\u200b')
  t.match(await people[0].get('/auth/me'), { status: 200, body: { display_name: 'a\u202eb\n' } })
  t.match(await people[0].get(path), { status: 200, body: { title: '\u200b' } })
  t.match(await people[0].get('/chats'), { status: 200, body: { items: [{ title: '\u200b' }] } })
})
