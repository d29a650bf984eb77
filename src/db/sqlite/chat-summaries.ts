import { LruCache } from '../../lru-cache.ts'
import type { Message } from '../../schemas/message.ts'
import type { ChatHead } from '../records.ts'
import type { MessageRow } from '../rows.ts'
import { unreadQuery } from './members.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, messageReader } from './message-row.ts'
import type { Database } from './open.ts'

/** Counts that are cached. */
const CACHED_COUNTS = 10_000
/** Characters of latest messages, as JSON, that are cached. */
const CACHED_CHARACTERS = 8 * 1024 * 1024

/** What a list of chats shows of a chat's messages. Cached by `seq`: a cached value never becomes stale. */
export function chatSummaries(db: Database) {
  const toMessage = messageReader(db)
  const unread = unreadQuery(db)
  const latest = db.$client.prepare<[number], MessageRow>(
    `select ${MESSAGE_COLUMNS} from messages m ${JOIN_SENDER} where m.chat_id = +? order by m.id desc limit 1`
  )
  const counts = new LruCache<{ seq: number; read_id: number; unread_count: number }>(CACHED_COUNTS)
  const lastMessages = new LruCache<{ seq: number; message: Message | undefined }>(
    CACHED_CHARACTERS,
    cached => 500 + JSON.stringify(cached).length
  )

  return {
    /** Counts the unread messages of a user in a chat, as `ChatRepository.unread` does. */
    unreadCount(user_id: number, { chat_id, seq, read_id }: ChatHead): number {
      if (read_id >= seq) return 0
      const key = `${chat_id}:${user_id}`
      const cached = counts.get(key)
      if (cached?.seq === seq && cached.read_id === read_id) return cached.unread_count
      const unread_count = unread.get({ chat_id, user_id, read_id, until: seq }) as number
      counts.set(key, { seq, read_id, unread_count })
      return unread_count
    },

    /** Returns the latest message of a chat whose latest change has the number `seq`. */
    lastMessage(chat_id: number, seq: number): Message | undefined {
      const key = String(chat_id)
      const cached = lastMessages.get(key)
      if (cached?.seq === seq) return cached.message
      const row = latest.get(chat_id)
      const message = row && toMessage(row)
      lastMessages.set(key, { seq, message })
      return message
    }
  }
}
