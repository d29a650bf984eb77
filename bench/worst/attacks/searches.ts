import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack } from '../attacker.ts'
import { MARKS, type World } from '../world.ts'

/** One account searches a chat of its own, 8 searches in parallel. */
function search(
  name: string,
  chat: keyof World['chats'],
  query: string,
  limit: string,
  expected: Attack['expected'],
  allowed: string[] = []
): Attack {
  return {
    name: `8 searches at once ${name}`,
    expected,
    allowed: ['429', '503', ...allowed],
    prepare: async attacker => {
      const { writer, chats } = attacker.world
      const path = `/search?${new URLSearchParams({ query, limit, chat_id: String(chats[chat]) })}`
      return () => attacker.flood(8, () => attacker.ask(writer, 'GET', path))
    }
  }
}

/** Time of the measurement while the server indexes the messages, in milliseconds. */
const INDEXING_MS = 5000

/** Attacks with full-text search. */
export const searches: Attack[] = [
  {
    name: 'messages of 10,000 combining marks in a chat of its own, as fast as allowed, and their indexing',
    expected: { pong: 1, ack: 100 },
    allowed: ['RATE_LIMITED'],
    async prepare(attacker) {
      const socket = await attacker.socket(attacker.world.writer, attacker.world.chats.open)
      return async () => {
        await attacker.paced(socket, () => socket.send({ type: 'send', message: MARKS }))
        await sleep(INDEXING_MS)
      }
    }
  },
  search('for a rare word over 200 messages of 10,000 combining marks', 'marks', 'needle', '200', { 200: 8 }),
  search('for 50 phrases over 200 messages of 10,000 characters', 'pairs', Array(50).fill('a-a').join(' '), '200', {
    200: 8
  }),
  search('for a word that 40,000 messages have, limit=200', 'matches', 'fox', '200', { 200: 8 }),
  // The server may refuse a number over the maximum.
  search('for a word that 40,000 messages have, limit=Infinity', 'matches', 'fox', 'Infinity', {}, ['200', '400'])
]
