import type { Attack } from '../attacker.ts'

/** Attacks with replays. */
export const resumes: Attack[] = [
  {
    name: 'a resume of 1,000 chats in one frame, as fast as allowed',
    expected: { pong: 1, live: 1000 },
    allowed: ['RATE_LIMITED'],
    async prepare(attacker) {
      const socket = await attacker.socket(attacker.world.with1000)
      const heads: { chat_id: number }[] = JSON.parse(socket.ready).chats
      const frame = JSON.stringify({ type: 'resume', chats: heads.map(({ chat_id }) => ({ chat_id, after: 0 })) })
      return () => attacker.paced(socket, () => socket.send(frame))
    }
  },
  {
    name: '8 sockets of an account come back after 100,000 messages each, at once',
    expected: { ready: 8, live: 8 },
    prepare: async attacker => async () => {
      const { writer, chats } = attacker.world
      await Promise.all(Array.from({ length: 8 }, () => attacker.socket(writer, chats.backlog, 0)))
      await attacker.until('live', 8)
    }
  }
]
