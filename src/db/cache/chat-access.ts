import { Recent } from '../../recent.ts'
import type { Role } from '../../schemas/chat.ts'
import type { Standing } from '../sqlite/members.ts'

/** So many chats are remembered, and so many users in them. */
const CHATS = 20_000
const USERS = 100_000

type Chat = Omit<Standing, 'role'>

/** How users stand to chats. Who is in a chat is remembered no longer than the chat: both are forgotten together. */
export class Standings {
  readonly #chats = new Recent<Chat, number>(CHATS)
  readonly #users = new Recent<{ chat: Chat; role: Role | null }>(USERS)

  get(chat_id: number, user_id: number): Standing | undefined {
    const chat = this.#chats.get(chat_id)
    if (!chat) return undefined
    const user = this.#users.get(`${chat_id}:${user_id}`)
    if (user?.chat !== chat) return undefined
    return { kind: chat.kind, visibility: chat.visibility, seq: chat.seq, role: user.role }
  }

  set(chat_id: number, user_id: number, { kind, visibility, seq, role }: Standing): void {
    let chat = this.#chats.get(chat_id)
    if (!chat) {
      chat = { kind, visibility, seq }
      this.#chats.set(chat_id, chat)
    }
    this.#users.set(`${chat_id}:${user_id}`, { chat, role })
  }

  /** A chat has come as far as this number. */
  advance(chat_id: number, seq: number): void {
    const chat = this.#chats.get(chat_id)
    if (chat && seq > chat.seq) chat.seq = seq
  }

  /** A chat, or who is in it and as what, may have changed. */
  forget(chat_id: number): void {
    this.#chats.delete(chat_id)
  }

  clear(): void {
    this.#chats.clear()
    this.#users.clear()
  }
}
