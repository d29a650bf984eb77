import { randomBytes, randomInt } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { start } from './process.ts'
import { closeFrame, fragments, frame, OP, RawSocket } from './raw.ts'

const RANDOM = 1000
const AT_ONCE = 20
const LIMIT = 160 * 1024

const bytes = (...values: number[]) => Buffer.from(values)
const parts = (count: number) => Array.from({ length: count }, (_, i) => (i === 0 ? '{"type":"ping"}' : ' '))
const EURO = Buffer.from('€')

const cases: [name: string, sent: Buffer, expected: number | 'open'][] = [
  ['RSV1, which is for compression', frame(OP.text, '{}', { rsv: 4 }), 1002],
  ['RSV2', frame(OP.text, '{}', { rsv: 2 }), 1002],
  ['RSV3', frame(OP.text, '{}', { rsv: 1 }), 1002],
  ['all reserved bits', frame(OP.text, '{}', { rsv: 7 }), 1002],
  ['a ping with RSV1', frame(OP.ping, '', { rsv: 4 }), 1002],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    opcode => [`the opcode ${opcode}`, frame(opcode, 'x'), 1002] as [string, Buffer, number]
  ),
  ['a text that is not masked', frame(OP.text, '{}', { masked: false }), 1002],
  ['a ping that is not masked', frame(OP.ping, '', { masked: false }), 1002],
  ['a ping of 125 bytes', frame(OP.ping, 'x'.repeat(125)), 'open'],
  ['a ping of 126 bytes', frame(OP.ping, 'x'.repeat(126)), 1002],
  ['a pong of 126 bytes', frame(OP.pong, 'x'.repeat(126)), 1002],
  ['a close frame of 126 bytes', closeFrame(1000, 'x'.repeat(124)), 1002],
  ['a ping in fragments', frame(OP.ping, 'x', { fin: false }), 1002],
  ['a close frame in fragments', frame(OP.close, '', { fin: false }), 1002],
  ['a pong that nobody asked for', frame(OP.pong, 'x'), 'open'],
  ['a continuation of nothing', frame(OP.continuation, 'x'), 1002],
  ['a new text within a message', Buffer.concat([frame(OP.text, '{', { fin: false }), frame(OP.text, '}')]), 1002],
  [
    'a ping within a message',
    Buffer.concat([frame(OP.text, '{"type":', { fin: false }), frame(OP.ping), frame(OP.continuation, '"ping"}')]),
    'open'
  ],
  ['bytes that are in no UTF-8', frame(OP.text, bytes(0xff, 0xfe)), 1007],
  ['a continuation byte alone', frame(OP.text, bytes(0x80)), 1007],
  ['an overlong form', frame(OP.text, bytes(0xc0, 0xaf)), 1007],
  ['half a surrogate pair', frame(OP.text, bytes(0xed, 0xa0, 0x80)), 1007],
  ['a code point above U+10FFFF', frame(OP.text, bytes(0xf4, 0x90, 0x80, 0x80)), 1007],
  ['a character that is not finished', frame(OP.text, EURO.subarray(0, 2)), 1007],
  ['a wrong character split over fragments', fragments('"', bytes(0xe2, 0x82), bytes(0x22)), 1007],
  ['a right character split over fragments', fragments('"', EURO.subarray(0, 1), EURO.subarray(1), '"'), 'open'],
  ['a binary frame', frame(OP.binary, '{}'), 1003],
  ['a close frame without a code', frame(OP.close), 1005],
  ['a close frame of one byte', frame(OP.close, bytes(3)), 1002],
  ['a close frame with bad UTF-8', closeFrame(1000, bytes(0xff)), 1007],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    code => [`the close code ${code}`, closeFrame(code), 1002] as [string, Buffer, number]
  ),
  ...[1000, 1001, 3000, 4999].map(
    code => [`the close code ${code}`, closeFrame(code), code] as [string, Buffer, number]
  ),
  ['a text over 160 KiB', frame(OP.text, 'x'.repeat(LIMIT + 1)), 1009],
  ['a length over 160 KiB', frame(OP.text, '', { length: LIMIT + 1 }), 1009],
  ['a length over 2^53', frame(OP.text, '', { length: 2n ** 53n }), 1009],
  ['a length with its highest bit set', frame(OP.text, '', { length: 2n ** 64n - 1n }), 1009],
  ['fragments of over 160 KiB together', fragments('x'.repeat(LIMIT / 2), 'x'.repeat(LIMIT / 2), 'x'), 1009],
  ['2048 fragments', fragments(...parts(2048)), 'open'],
  ['2049 fragments', fragments(...parts(2049)), 1008],
  ['empty fragments without end', fragments(...Array.from({ length: 3000 }, () => '')), 1008]
]

/** Returns random bytes, or a valid frame with a random text or a random header. */
function anything(): Buffer {
  const noise = randomBytes(randomInt(1, 300))
  switch (randomInt(4)) {
    case 0:
      return frame(OP.text, noise.toString('latin1'))
    case 1:
      return frame(OP.text, `{"type":${JSON.stringify(noise.toString('hex'))},"chat_id":${randomInt(9)}}`)
    case 2:
      return frame(randomInt(16), noise, { fin: randomInt(2) === 0, rsv: randomInt(8) % 3 })
    default:
      return noise
  }
}

t.test('what is no WebSocket traffic is refused with the right code, and never hurts the process', async t => {
  const server = await start(t, t.testdir({}))
  const { id, people } = await server.chat('ann', 'bob')
  const [ann] = people
  const open = () => RawSocket.open(ann, `/ws?chat_id=${id}`)
  const base = server.fds()
  const unharmed = async () => {
    t.ok((await server.fdsDownTo(base)) <= base, 'every file descriptor is back')
    t.strictSame(
      server.lines.filter(({ level }) => level >= 50),
      []
    )
    t.equal((await ann.get('/health/ready')).status, 200)
  }

  await t.test(`${cases.length} kinds of it`, async t => {
    for (const [name, sent, expected] of cases) {
      const whole = await open()
      whole.socket.write(sent)
      t.equal(await whole.outcome(), expected, name)
      whole.socket.destroy()
      const split = await open()
      const at = randomInt(sent.length)
      split.socket.write(sent.subarray(0, at))
      await nextTurn()
      split.socket.write(sent.subarray(at))
      t.equal(await split.outcome(), expected, `${name}, in two pieces`)
      split.socket.destroy()
    }
  })
  await unharmed()

  const rss = server.rss()
  for (let i = 0; i < RANDOM; i += AT_ONCE) {
    const sockets = await Promise.all(Array.from({ length: AT_ONCE }, open))
    for (const { socket } of sockets) socket.write(anything())
    await sleep(5)
    for (const { socket } of sockets) socket.destroy()
  }
  t.comment(`RSS ${rss.toFixed(1)} MB before ${RANDOM} random inputs, ${server.rss().toFixed(1)} MB after`)
  await unharmed()
})
