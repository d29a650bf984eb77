import type { Client, Server } from '../helper.ts'

/** The database from outside, and how many rows of the index have a word. */
export function database(server: Server) {
  const db = server.database()
  const rows = db.prepare<string, number>('select count(*) from messages_search where messages_search match ?').pluck()
  return { file: server.file, db, count: (word: string) => rows.get(word) as number }
}

/** How many messages are found, to 200; the status when the search is refused. */
export async function count(client: Client, query: string | number): Promise<number> {
  const reply = await client.get(`/search?query=${query}&limit=200`)
  return reply.status === 200 ? reply.body.items.length : reply.status
}

/** Sends many messages at once. */
export async function say(server: Server, chat_id: number, { user }: Client, texts: string[]): Promise<void> {
  await server.app.db.log.append(texts.map(text => ({ type: 'send', chat_id, user, text })))
}

/** So many texts with this word. */
export const numbered = (word: string, length: number) => Array.from({ length }, (_, i) => `${word} ${i}`)
