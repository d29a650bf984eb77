import type { Client, Json } from './helper.ts'

/** Searches. Returns the first page. */
export async function find(client: Client, query: string, more = ''): Promise<Json> {
  const reply = await client.get(`/search?query=${encodeURIComponent(query)}${more}`)
  if (reply.status !== 200) throw new Error(`${query}: ${JSON.stringify(reply.body)}`)
  return reply.body
}

/** Searches. Returns the texts. */
export const found = async (client: Client, query: string, more = '') =>
  (await find(client, query, more)).items.map(({ message }: Json) => message)

/** Searches. Returns the texts as HTML, with the marked words. */
export const marked = async (client: Client, query: string) =>
  (await find(client, query)).items.map(({ highlight }: Json) => highlight)
