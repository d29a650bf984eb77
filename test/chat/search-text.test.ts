import t from 'tap'
import { build } from '../helper.ts'
import { found, marked } from '../search.ts'

t.test('case, accents and scripts', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const finds: [string, string, string][] = [
    ['Crème brûlée', 'BRULEE', 'Crème <mark>brûlée</mark>'],
    ['Cre\u0300me fouette\u0301e', 'fouettée', 'Cre\u0300me <mark>fouette\u0301e</mark>'],
    ['naive', 'naïve', '<mark>naive</mark>'],
    ['Große Straße', 'STRASSE', 'Große <mark>Straße</mark>'],
    ['ΟΔΟΣ', 'οδος', '<mark>ΟΔΟΣ</mark>'],
    ['Vie\u0323\u0302t Nam', 'việt', '<mark>Vie\u0323\u0302t</mark> Nam'],
    ['Ёлка', 'елк', '<mark>Ёлка</mark>'],
    ['ＦＵＬＬ width', 'full', '<mark>ＦＵＬＬ</mark> width'],
    ['I moved to 東京都 in May', '東京', 'I moved to <mark>東京</mark>都 in May'],
    ['今日は寒い', '寒', '今日は<mark>寒</mark>い'],
    ['カラオケ行く？', 'ｵｹ', 'カラ<mark>オケ</mark>行く？'],
    ['ガム', 'ｶﾞ', '<mark>ガ</mark>ム'],
    ['안녕하세요', '녕하', '안<mark>녕하</mark>세요'],
    ['\u1112\u1161\u11ab\u1100\u116e\u11a8', '한국', '<mark>\u1112\u1161\u11ab\u1100\u116e\u11a8</mark>'],
    ['नमस्ते दुनिया', 'दुनिया', 'नमस्ते <mark>दुनिया</mark>'],
    ['مرحبا بالعالم', 'مرحبا', '<mark>مرحبا</mark> بالعالم'],
    ['see foo-bar.example', 'foo-bar', 'see <mark>foo-bar</mark>.example'],
    ["don't", "don't", '<mark>don&#39;t</mark>']
  ]
  for (const [message, query, expected] of finds) {
    await ann.post(`${path}/messages`, { message })
    t.strictSame(await marked(ann, query), [expected], `${query} in ${message}`)
  }
  t.strictSame(await found(ann, '京東'), [], 'in another order')
  t.strictSame(await found(ann, 'bar-foo'), [])
})

t.test('scripts without spaces, points and letters that are typed in several ways', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const mark = (text: string, word: string) => text.replace(word, `<mark>${word}</mark>`)
  const inside: [string, string, string][] = [
    ['Thai', 'วันนี้อากาศดีมาก', 'อากาศ'],
    ['Thai, as it is typed', 'พรุ่งนี้ฝนตก', 'นี'],
    ['Lao', 'ມື້ນີ້ອາກາດດີ', 'ອາກາດ'],
    ['Khmer', 'ខ្ញុំស្រឡាញ់ភាសាខ្មែរ', 'ភាសា'],
    ['Burmese', 'ကျွန်တော်မြန်မာစကားပြောတယ်', 'စကား'],
    ['Tai Le', 'ᥑᥨᥒᥰᥖᥭᥰ', 'ᥖᥭᥰ'],
    ['New Tai Lue', 'ᦅᧄᦟᦹᧉ', 'ᦟᦹᧉ'],
    ['Tai Tham', 'ᨣᩤᩴᨾᩮᩬᩥᨦ', 'ᨾᩮᩬᩥᨦ'],
    ['Tai Viet', 'ꪼꪕꪒꪾ', 'ꪒꪾ'],
    ['Javanese', 'ꦱꦸꦒꦼꦁꦫꦮꦸꦃ', 'ꦫꦮꦸꦃ'],
    ['Balinese', 'ᬲᬸᬓᬺᬢᬂᬩᬮᬶ', 'ᬩᬮᬶ'],
    ['Yi', 'ꆈꌠꁱꂷ', 'ꁱꂷ'],
    ['Bopomofo', 'ㄓㄨㄧㄣ', 'ㄧㄣ']
  ]
  for (const [script, message, query] of inside) {
    await ann.post(`${path}/messages`, { message })
    const expected = script.includes('typed') ? message.replace('นี้', '<mark>นี้</mark>') : mark(message, query)
    t.ok((await marked(ann, query)).includes(expected), script)
  }
  const same: [string, string, string][] = [
    ['Arabic vowels', 'السَّلَامُ', 'السلام'],
    ['alef with hamza', 'أحمد', 'احمد'],
    ['alef with hamza below', 'إسلام', 'اسلام'],
    ['alef with madda', 'آمال', 'امال'],
    ['alef wasla', 'ٱلرحمن', 'الرحمن'],
    ['tatweel', 'جمـــيل', 'جميل'],
    ['yeh without dots', 'مستشفى', 'مستشفي'],
    ['teh marbuta', 'مدرسة', 'مدرسه'],
    ['Persian yeh and kaf', 'کتابی', 'كتابي'],
    ['a ligature', 'ﻻعب', 'لاعب'],
    ['Hebrew points', 'שָׁלוֹם', 'שלום'],
    ['Syriac points', 'ܫܠܳܡܳܐ', 'ܫܠܡܐ'],
    ['combining marks of other blocks', 'x\u20d7y\u1dc4', 'xy'],
    ['an ideograph with a variation selector', '葛\u{e0100}', '葛']
  ]
  for (const [what, message, query] of same) {
    await ann.post(`${path}/messages`, { message })
    t.strictSame(await marked(ann, query), [`<mark>${message}</mark>`], what)
    t.ok((await marked(ann, message)).includes(`<mark>${message}</mark>`), `${what}, as it is written`)
  }
  const different: [string, string, string][] = [
    ['vowel signs of Devanagari', 'कि', 'की'],
    ['vowel signs of Tamil', 'கி', 'கு'],
    ['vowels of Thaana', 'ދިވެހި', 'ދވހ']
  ]
  for (const [what, message, query] of different) {
    await ann.post(`${path}/messages`, { message })
    t.strictSame(await found(ann, query), [], what)
    t.strictSame(await found(ann, message), [message], what)
  }
})

t.test('of a word 64 characters are compared, and of marks in a row 30', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const word = (length: number) => Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('')
  const deseret = (text: string) => text.replaceAll(/./g, c => String.fromCodePoint(0x10428 + c.charCodeAt(0) - 97))
  const accented = (text: string) => text.replaceAll(/./g, '$&\u0301\u0323\u0308')
  // With a second word, the first one cannot go on.
  for (const [name, write, ask] of [
    ['ASCII', word, word],
    ['beyond U+FFFF', (n: number) => deseret(word(n)), (n: number) => deseret(word(n))],
    ['with accents', (n: number) => accented(word(n)), word]
  ] as const) {
    const { id } = (await ann.post('/chats', { title: name })).body
    const say = (length: number) => ann.post(`/chats/${id}/messages`, { message: `${write(length)} end` })
    const count = async (length: number) => (await found(ann, `${ask(length)} end`, `&chat_id=${id}`)).length
    await say(63)
    t.equal(await count(64), 0, `63 and 64 characters: ${name}`)
    await say(64)
    await say(70)
    t.equal(await count(64), 2, `64 and more characters: ${name}`)
    t.equal(await count(63), 1, `63 characters: ${name}`)
  }
  const marks = (count: number) => Array.from({ length: count }, (_, i) => '\u0e48\u0e38\u093c\u094d'[i % 4]).join('')
  await ann.post(`${path}/messages`, { message: `क${marks(9000)} many` })
  t.equal((await found(ann, `क${marks(30)} many`)).length, 1)
  t.equal((await found(ann, `क${marks(29)} many`)).length, 0)
})

t.test('a query has at most 50 different words', async t => {
  const server = await build(t)
  const { path, people } = await server.chat('ann')
  const [ann] = people
  const words = Array.from({ length: 51 }, (_, i) => String.fromCodePoint(0x3041 + i))
  await ann.post(`${path}/messages`, { message: words.join(' ') })
  t.equal((await found(ann, words.slice(1).join(' '))).length, 1)
  t.match(await ann.get(`/search?query=${encodeURIComponent(words.join(' '))}`), {
    status: 400,
    body: { code: 'VALIDATION_FAILED', message: 'querystring/query must have at most 50 different words' }
  })
  await ann.post(`${path}/messages`, { message: 'a b a-b a ab' })
  t.strictSame(await marked(ann, `${'a-b '.repeat(30)}a b`), ['<mark>a b</mark> <mark>a-b</mark> <mark>a</mark> ab'])
  t.strictSame(await found(ann, 'a '.repeat(100)), ['a b a-b a ab'])
})
