import { LruCache } from '../../lru-cache.ts'
import type { Role } from '../../schemas/chat.ts'
import type { ChatAccess } from '../records.ts'

/** Chats that are cached, and roles of users in them. */
const CACHED_CHATS = 20_000
const CACHED_ROLES = 100_000

type CachedChat = Omit<ChatAccess, 'role'>

/** Caches `MemberRepository.access`. A role is valid only with the chat that it was read with: both expire together. */
export class ChatAccessCache {
  readonly #chats = new LruCache<CachedChat, number>(CACHED_CHATS)
  readonly #roles = new LruCache<{ chat: CachedChat; role: Role | null }>(CACHED_ROLES)

  get(chat_id: number, user_id: number): ChatAccess | undefined {
    const chat = this.#chats.get(chat_id)
    if (!chat) return undefined
    const cached = this.#roles.get(`${chat_id}:${user_id}`)
    if (cached?.chat !== chat) return undefined
    return { kind: chat.kind, visibility: chat.visibility, seq: chat.seq, role: cached.role }
  }

  set(chat_id: number, user_id: number, { kind, visibility, seq, role }: ChatAccess): void {
    let chat = this.#chats.get(chat_id)
    if (!chat) {
      chat = { kind, visibility, seq }
      this.#chats.set(chat_id, chat)
    }
    this.#roles.set(`${chat_id}:${user_id}`, { chat, role })
  }

  /** Raises the number of a chat's latest change to `seq`. */
  advance(chat_id: number, seq: number): void {
    const chat = this.#chats.get(chat_id)
    if (chat && seq > chat.seq) chat.seq = seq
  }

  /** Invalidates a chat and the roles of all users in it. */
  invalidateChat(chat_id: number): void {
    this.#chats.delete(chat_id)
  }

  clear(): void {
    this.#chats.clear()
    this.#roles.clear()
  }
}
