import type { Client, Json } from './helper.ts'

/** The page that a search gives. */
export async function find(client: Client, query: string, more = ''): Promise<Json> {
  const reply = await client.get(`/search?query=${encodeURIComponent(query)}${more}`)
  if (reply.status !== 200) throw new Error(`${query}: ${JSON.stringify(reply.body)}`)
  return reply.body
}

/** The texts that it finds. */
export const found = async (client: Client, query: string, more = '') =>
  (await find(client, query, more)).items.map(({ message }: Json) => message)

/** The same as HTML. */
export const marked = async (client: Client, query: string) =>
  (await find(client, query)).items.map(({ highlight }: Json) => highlight)
