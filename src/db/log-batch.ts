import type { ErrorCode } from '../errors.ts'
import type { Role } from '../schemas/chat.ts'
import type { Message, Sender } from '../schemas/message.ts'
import { toIso } from './cursor.ts'
import type { Database } from './database.ts'

/** One durable change of a chat, asked for by `user`, who was found to be allowed to. */
export type Change = { chat_id: number; user: Sender } & (
  | { type: 'send'; text: string; client_id?: string | undefined; reply_to?: number | undefined }
  | { type: 'edit'; id: number; text: string }
  | { type: 'delete'; id: number; anybodys: boolean }
  | { type: 'react'; id: number; emoji: string }
  | { type: 'unreact'; id: number; emoji: string }
  | { type: 'join'; member: Sender; role: Role }
  | { type: 'leave'; member: Sender }
  | { type: 'rename'; title: string }
)

/** What became of a change. `fresh`: the log grew. Otherwise it was a repetition that found everything done already. */
export type Outcome = { message: Message | undefined; fresh: boolean } | { error: ErrorCode; cause?: unknown }

/** A change that cannot be made; its transaction goes on. */
export class Refusal extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

/** The heads of the chats that one transaction touches, and its time. */
export interface Batch {
  readonly now: number
  readonly iso: string
  /** The number of a chat's latest change, as far as this batch got. Throws Refusal when there is no such chat. */
  head(chat_id: number): number
  /** Takes the next number of a chat. Throws Refusal when there is no such chat. */
  next(chat_id: number): number
  /** Writes the heads back. */
  save(): void
}

export function batches({ $client }: Database): () => Batch {
  const read = $client.prepare<[number], number>('select seq from chats where id = ?').pluck()
  const write = $client.prepare('update chats set seq = ?, updated_at = ? where id = ?')

  return () => {
    const now = Date.now()
    const heads = new Map<number, number>()

    function head(chat_id: number): number {
      const seq = heads.get(chat_id) ?? read.get(chat_id)
      if (seq === undefined) throw new Refusal('CHAT_NOT_FOUND')
      return seq
    }

    function next(chat_id: number): number {
      const seq = head(chat_id) + 1
      heads.set(chat_id, seq)
      return seq
    }

    function save(): void {
      for (const [chat_id, seq] of heads) write.run(seq, now, chat_id)
    }

    return { now, iso: toIso(now), head, next, save }
  }
}
