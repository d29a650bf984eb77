import type { ErrorCode } from '../../../errors.ts'
import type { Role, Visibility } from '../../../schemas/chat.ts'
import type { Data } from '../../../schemas/data.ts'
import type { Message, Sender } from '../../../schemas/message.ts'
import { toIso } from '../../page.ts'
import { type Rights, refuseStranger } from '../../rules.ts'
import type { Database } from '../open.ts'

/** One durable change of a chat, asked for by `user`. Whether they may is decided when it is made. */
export type Change = { chat_id: number; user: Sender } & (
  | {
      type: 'send'
      text: string
      client_id?: string | undefined
      reply_to?: number | undefined
      data?: Data | undefined
    }
  | { type: 'edit'; id: number; text?: string | undefined; data?: Data | undefined }
  | { type: 'delete'; id: number }
  | { type: 'react'; id: number; emoji: string }
  | { type: 'unreact'; id: number; emoji: string }
  /** The user joins a public chat. */
  | { type: 'join' }
  /** The user adds an account that exists, or changes a member's role. */
  | { type: 'set_member'; member: Sender; role?: Role | undefined }
  /** The user removes a member, or leaves. */
  | { type: 'leave'; member: Sender }
  | { type: 'settings'; title?: string | undefined; visibility?: Visibility | undefined; data?: Data | undefined }
  /** Deletes the chat. */
  | { type: 'remove' }
  /** Takes no number: how far somebody has read is theirs, not the chat's. */
  | { type: 'read'; id: number }
)

/** What a change did. */
export interface Done {
  /** The message that it made or changed; for a repeated send, the first one. */
  message: Message | undefined
  /** Whether anything changed. Otherwise it was a repetition that found everything done already. */
  fresh: boolean
  /** Whose role is another one, the user's who became owner because the last one left, too. */
  role_changed?: number
  /** Where the read marker is now, when it moved. */
  read_id?: number
}

/** What became of a change. */
export type Outcome = Done | { error: ErrorCode; cause?: unknown }

/** A change that cannot be made; its transaction goes on. */
export class Refusal extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

/** Throws the refusal that a rule found, if it found one. */
export function refuse(code: ErrorCode | undefined): void {
  if (code) throw new Refusal(code)
}

/** A moment, and as it goes over the wire. */
interface Moment {
  ms: number
  iso: string
}

/** A chat, as far as a batch got with it. */
export interface Head {
  readonly chat_id: number
  readonly kind: Rights['kind']
  visibility: Visibility
  /** The number of the latest change. */
  seq: number
  /** The time of the latest change. */
  latest: Moment
  /** Whether it is to be written back. */
  moved: boolean
  /** Roles that were looked up; undefined for users who are not members. */
  readonly roles: Map<number, Role | undefined>
}

/** What one transaction does: the chats that it touches, and who may do what in them. */
export interface Batch {
  /** A chat. Throws Refusal when there is none. */
  head(chat_id: number): Head
  /** Takes the next number of a chat. Throws Refusal when there is no such chat. */
  next(chat_id: number): number
  /** The time of this batch in a chat: never before the time of its latest change, whatever the clock says. */
  time(chat_id: number): Moment
  /** The role of a user in a chat, undefined when they are not a member. Throws Refusal when there is no such chat. */
  role(chat_id: number, user_id: number): Role | undefined
  /** Throws Refusal when a user is not a member of a chat: they may have left before their turn came. */
  needMember(chat_id: number, user_id: number): void
  /** What a member may do. Throws Refusal when the user is not a member. */
  rights(chat_id: number, user_id: number): Rights
  /** A chat is gone. */
  forget(chat_id: number): void
  /** Writes the heads back. */
  save(): void
}

/** Chats and roles that are remembered at most. */
const REMEMBERED = 100_000

interface HeadRow {
  kind: Rights['kind']
  visibility: Visibility
  seq: number
  updated_at: number
  /** When the newest message was sent: clocks that were set back have left messages later than `updated_at`. */
  newest: number | null
}

/**
 * Begins batches. What one has found out, the next need not ask for again, unless something else has written to the
 * database in between: another repository, or another process.
 */
export function batches({ $client }: Database): { begin(): Batch; forget(): void } {
  const read = $client.prepare<[number], HeadRow>(
    `select kind, visibility, seq, updated_at,
       (select created_at from messages where chat_id = chats.id order by id desc limit 1) as newest
     from chats where id = ? and deleted_at is null`
  )
  const write = $client.prepare('update chats set seq = ?, updated_at = ? where id = ?')
  const roleOf = $client
    .prepare<[number, number], Role>('select role from members where chat_id = ? and user_id = ?')
    .pluck()
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
    const row = read.get(chat_id)
    if (!row) throw new Refusal('CHAT_NOT_FOUND')
    const { kind, visibility, seq, updated_at, newest } = row
    const latest = toMoment(Math.max(updated_at, newest ?? 0))
    const head = { chat_id, kind, visibility, seq, latest, moved: false, roles: new Map() }
    heads.set(chat_id, head)
    remembered++
    return head
  }

  function role(chat_id: number, user_id: number): Role | undefined {
    const { roles } = load(chat_id)
    const known = roles.get(user_id)
    if (known !== undefined || roles.has(user_id)) return known
    const found = roleOf.get(chat_id, user_id)
    roles.set(user_id, found)
    remembered++
    return found
  }

  function forget(): void {
    heads.clear()
    remembered = 0
  }

  function begin(): Batch {
    const current = othersWrites.get()
    if (version !== current || writes !== ownWrites.get() || remembered > REMEMBERED) forget()
    version = current
    const now = toMoment(Date.now())
    const moved: Head[] = []
    return {
      head: load,
      next(chat_id) {
        const head = load(chat_id)
        if (!head.moved) moved.push(head)
        head.moved = true
        return ++head.seq
      },
      time(chat_id) {
        const { latest } = load(chat_id)
        return latest.ms > now.ms ? latest : now
      },
      role,
      needMember(chat_id, user_id) {
        if (!role(chat_id, user_id)) throw new Refusal(refuseStranger(load(chat_id)))
      },
      rights(chat_id, user_id) {
        this.needMember(chat_id, user_id)
        return { kind: load(chat_id).kind, role: role(chat_id, user_id) as Role }
      },
      forget: chat_id => void heads.delete(chat_id),
      save() {
        for (const head of moved) {
          if (head.latest.ms < now.ms) head.latest = now
          write.run(head.seq, head.latest.ms, head.chat_id)
          head.moved = false
        }
        writes = ownWrites.get()
      }
    }
  }

  return { begin, forget }
}

function toMoment(ms: number): Moment {
  return { ms, iso: toIso(ms) }
}
