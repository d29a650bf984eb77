import type { Message } from '../../../src/schemas/message.ts'
import type { Client } from '../../helper.ts'

/** Returns all messages of a chat, as a new client gets them. */
export async function history(device: Client, chat_id: number): Promise<Message[]> {
  const all: Message[] = []
  for (let before = ''; ; before = `&before=${all[0]?.id}`) {
    const { body } = await device.get(`/chats/${chat_id}/messages?limit=200${before}`)
    all.unshift(...body.items)
    if (!body.has_more_before) return all
  }
}
