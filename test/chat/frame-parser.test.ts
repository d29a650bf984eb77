import t from 'tap'
import { fragments, frame, OP, RawSocket } from '../faults/raw.ts'
import { build } from '../helper.ts'

const json = (message: string) => JSON.stringify({ message })
const say = (message: string) => frame(OP.text, json(message))

const TEXTS = [
  'a',
  'x'.repeat(111),
  'x'.repeat(112),
  'Grüße',
  '日本語 👍',
  'what \ufffd stands for',
  'x'.repeat(9000),
  'z'
]

/** Messages with pings and pongs between them; the last two come after one in fragments. */
const STREAM = Buffer.concat([
  ...TEXTS.flatMap(text => [say(text), frame(OP.ping, 'p'), frame(OP.pong)]),
  fragments('{"message":', '"in ', 'parts"}'),
  say('after it'),
  frame(OP.ping),
  say('the last')
])

const refused: [string, Buffer, number][] = [
  ['a text over 160 KiB', frame(OP.text, 'x'.repeat(160 * 1024 + 1)), 1009],
  ['a header that tells more', frame(OP.text, '', { length: 160 * 1024 + 1 }), 1009],
  ['a text that is not masked', frame(OP.text, json('no'), { masked: false }), 1002],
  ['a ping of 126 bytes', frame(OP.ping, 'x'.repeat(126)), 1002],
  ['a ping whose length takes more bytes than it needs', frame(OP.ping, 'x', { lengthBytes: 2 }), 1002],
  ['a pong whose length takes many more', frame(OP.pong, 'x', { lengthBytes: 8 }), 1002],
  ['bad UTF-8', frame(OP.text, Buffer.from([0x22, 0xff, 0x22])), 1007],
  ['a binary frame', frame(OP.binary, json('no')), 1003]
]

t.test('frames are read as they are sent', async t => {
  const server = await build(t)
  const { id, people } = await server.chat('ann', 'bob')
  async function open() {
    return { b: await people[1].socket(id), raw: await RawSocket.open(people[0], `/ws?chat_id=${id}`) }
  }

  for (const size of [1, 2, 5, 50, 1000, STREAM.length]) {
    await t.test(`frames are found however they are cut: pieces of up to ${size} bytes`, async t => {
      const { b, raw } = await open()
      raw.socket.setNoDelay()
      // A few hundred single bytes are enough of those.
      const alone = Math.min(STREAM.length, size * 700)
      for (let at = 0; at < alone; at += size) {
        raw.socket.write(STREAM.subarray(at, Math.min(at + size, alone)))
        await new Promise(setImmediate)
      }
      raw.socket.write(STREAM.subarray(alone))
      for (const text of [...TEXTS, 'in parts', 'after it', 'the last']) t.equal((await b.next()).message, text)
      t.equal(await raw.outcome(), 'open')
      await b.silent(50)
    })
  }

  await t.test('the beginning of a frame waits for its end, and ends with the socket', async t => {
    const { b, raw } = await open()
    raw.socket.write(say('whole'))
    raw.socket.write(say('half').subarray(0, -1))
    t.equal((await b.next()).message, 'whole')
    raw.socket.destroy()
    await b.silent(100)
  })

  for (const [name, bytes, code] of refused) {
    await t.test(`${name} ends the socket, and what comes after it is not read`, async t => {
      const { b, raw } = await open()
      raw.socket.write(Buffer.concat([say('before'), bytes, say('after')]))
      t.equal(await raw.outcome(), code)
      t.equal((await b.next()).message, 'before')
      await b.silent(50)
    })
  }

  await t.test('the longest text, every character of it escaped, is one frame', async t => {
    const { b, raw } = await open()
    const escaped = '\\ud83d\\ude00'.repeat(10_000)
    raw.socket.write(frame(OP.text, `{"message":"${escaped}"}`))
    t.equal((await b.next()).message, '😀'.repeat(10_000))
    t.equal(await raw.outcome(), 'open')
  })

  await t.test('a long text in pieces of 128 bytes is one frame', async t => {
    const { b, raw } = await open()
    const text = json('x'.repeat(10_000))
    raw.socket.write(fragments(...(text.match(/.{1,128}/g) ?? [])))
    t.equal((await b.next()).message.length, 10_000)
    t.equal(await raw.outcome(), 'open')
  })
})
