import type { Client, Json, Reply } from '../helper.ts'

/** Creates a group of existing accounts. The first one is the owner. */
export async function group(owner: Client, others: Client[] = [], settings: object = {}) {
  const member_ids = others.map(({ user }) => user.id)
  const { status, body } = await owner.post('/chats', { title: 'Friends', member_ids, ...settings })
  if (status !== 201) throw new Error(`make a chat: ${JSON.stringify(body)}`)
  return { id: body.id as number, path: `/chats/${body.id}` }
}

/** Summarizes a reply: `200`, or `404 CHAT_NOT_FOUND`. */
export function outcome({ status, body }: Reply<Json>): string {
  return status < 400 ? String(status) : `${status} ${body.code}`
}

/** Reads all pages of a list. Returns the items, and the number of items on each page. */
export async function pages(client: Client, path: string): Promise<{ items: Json[]; sizes: number[] }> {
  const items: Json[] = []
  const sizes: number[] = []
  let cursor = ''
  do {
    const { status, body } = await client.get(path + cursor)
    if (status !== 200) throw new Error(`${path}${cursor}: ${JSON.stringify(body)}`)
    items.push(...body.items)
    sizes.push(body.items.length)
    cursor = body.next_cursor === undefined ? '' : `&cursor=${body.next_cursor}`
  } while (cursor)
  return { items, sizes }
}

export type Group = Awaited<ReturnType<typeof group>>

/** The path of a member of a chat. */
export const memberAt = ({ path }: Group, { user }: Client) => `${path}/members/${user.id}`

/** The members of a chat as `user` sees them, as `name role`. */
export async function rolesIn({ path }: Group, user: Client): Promise<string[]> {
  const { items } = (await user.get(`${path}/members`)).body
  return items.map(({ user, role }: Json) => `${user.username} ${role}`)
}

/** The messages of the system in a chat as `user` sees them, as `kind name`. */
export async function toldIn({ path }: Group, user: Client): Promise<string[]> {
  const { items } = (await user.get(`${path}/messages`)).body
  return items.map(({ kind, sender }: Json) => `${kind} ${sender.username}`)
}
