import type { ErrorCode } from '../errors.ts'
import type { Role } from '../schemas/chat.ts'
import type { Message, Sender } from '../schemas/message.ts'
import type { Database } from './database.ts'
import { toIso } from './page.ts'

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
  /** Takes no number: how far somebody has read is theirs, not the chat's. */
  | { type: 'read'; id: number }
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

/** What one transaction does: the heads of the chats that it touches, who their members are, and its time. */
export interface Batch {
  readonly now: number
  readonly iso: string
  /** The number of a chat's latest change, as far as this batch got. Throws Refusal when there is no such chat. */
  head(chat_id: number): number
  /** Takes the next number of a chat. Throws Refusal when there is no such chat. */
  next(chat_id: number): number
  /**
   * Throws Refusal when the user is not a member of the chat: access was decided when the change was asked for, and
   * they may have left before its turn came.
   */
  needMember(chat_id: number, user_id: number): void
  /** A user is no longer a member. */
  left(chat_id: number, user_id: number): void
  /** Writes the heads back. */
  save(): void
}

interface Head {
  readonly chat_id: number
  seq: number
  /** Whether it is to be written back. */
  moved: boolean
  /** Who was found to be a member. */
  readonly members: Set<number>
}

/** Heads and members that are remembered at most. */
const REMEMBERED = 100_000

/**
 * Begins batches. What one has found out, the next need not ask for again, unless something else has written to the
 * database in between: another repository, or another process.
 */
export function batches({ $client }: Database): { begin(): Batch; forget(): void } {
  const read = $client.prepare<[number], number>('select seq from chats where id = ? and deleted_at is null').pluck()
  const write = $client.prepare('update chats set seq = ?, updated_at = ? where id = ?')
  const isMember = $client.prepare<[number, number]>('select 1 from members where chat_id = ? and user_id = ?').pluck()
  // https://www.sqlite.org/pragma.html#pragma_data_version tells of other connections, total_changes() of this one.
  const othersWrites = $client.prepare<[], number>('pragma data_version').pluck()
  const ownWrites = $client.prepare<[], number>('select total_changes()').pluck()

  const heads = new Map<number, Head>()
  let remembered = 0
  let writes: number | undefined
  let version: number | undefined

  function load(chat_id: number): Head {
    const known = heads.get(chat_id)
    if (known) return known
    const seq = read.get(chat_id)
    if (seq === undefined) throw new Refusal('CHAT_NOT_FOUND')
    const head = { chat_id, seq, moved: false, members: new Set<number>() }
    heads.set(chat_id, head)
    remembered++
    return head
  }

  function forget(): void {
    heads.clear()
    remembered = 0
  }

  function begin(): Batch {
    const current = othersWrites.get()
    if (version !== current || writes !== ownWrites.get() || remembered > REMEMBERED) forget()
    version = current
    const now = Date.now()
    const moved: Head[] = []
    return {
      now,
      iso: toIso(now),
      head: chat_id => load(chat_id).seq,
      next(chat_id) {
        const head = load(chat_id)
        if (!head.moved) moved.push(head)
        head.moved = true
        return ++head.seq
      },
      needMember(chat_id, user_id) {
        const { members } = load(chat_id)
        if (members.has(user_id)) return
        if (!isMember.get(chat_id, user_id)) throw new Refusal('NOT_A_MEMBER')
        members.add(user_id)
        remembered++
      },
      left: (chat_id, user_id) => void load(chat_id).members.delete(user_id),
      save() {
        for (const head of moved) {
          write.run(head.seq, now, head.chat_id)
          head.moved = false
        }
        writes = ownWrites.get()
      }
    }
  }

  return { begin, forget }
}
