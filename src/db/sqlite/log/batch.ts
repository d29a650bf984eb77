import type { Role, Visibility } from '../../../schemas/chat.ts'
import { Refusal, refuseIf } from '../../changes.ts'
import { toIso } from '../../rows.ts'
import { nonMemberError, type Rights } from '../../rules.ts'
import type { Database } from '../open.ts'

/** A time, and the same time as it goes over the wire. */
interface Timestamp {
  ms: number
  iso: string
}

/** The end of a chat's log, as the transactions so far have left it. */
export interface LogHead {
  readonly chat_id: number
  readonly kind: Rights['kind']
  visibility: Visibility
  /** The number of the latest change. */
  seq: number
  /** The time of the latest change. */
  latest: Timestamp
  /** Whether this batch has taken numbers, so that the head must be written. */
  dirty: boolean
  /** Roles that were looked up; undefined for users who are not members. */
  readonly roles: Map<number, Role | undefined>
}

/** One transaction: the chats that it changes, and the roles that it decides on. */
export interface Batch {
  /** Returns the head of a chat. Throws Refusal when there is no such chat. */
  head(chat_id: number): LogHead
  /** Takes the next number of a chat. Throws Refusal when there is no such chat. */
  nextSeq(chat_id: number): number
  /** The time of this batch in a chat: never before the chat's latest change, whatever the clock says. */
  timestamp(chat_id: number): Timestamp
  /** Returns the role of a user; undefined when they are not a member. Throws Refusal when there is no such chat. */
  role(chat_id: number, user_id: number): Role | undefined
  /** Throws Refusal when a user is not a member: they may have left since the request was checked. */
  requireMember(chat_id: number, user_id: number): void
  /** Returns the rights of a member. Throws Refusal when the user is not a member. */
  rights(chat_id: number, user_id: number): Rights
  /** Removes a deleted chat from the cache. */
  removeHead(chat_id: number): void
  /** Writes the changed heads. */
  writeHeads(): void
}

/** Heads and roles that are cached, together. When there are more, all are removed. */
const CACHED_ENTRIES = 100_000

interface HeadRow {
  kind: Rights['kind']
  visibility: Visibility
  seq: number
  updated_at: number
  /** The time of the newest message. Later than `updated_at` when the clock was set back. */
  newest: number | null
}

/**
 * Begins batches. Heads and roles stay cached from one batch to the next, unless something else has written to the
 * database in between: another repository, or another process.
 */
export function batches({ $client }: Database): { begin(): Batch; clear(): void } {
  const selectHead = $client.prepare<[number], HeadRow>(
    `select kind, visibility, seq, updated_at,
       (select created_at from messages where chat_id = chats.id order by id desc limit 1) as newest
     from chats where id = ? and deleted_at is null`
  )
  const updateHead = $client.prepare('update chats set seq = ?, updated_at = ? where id = ?')
  const selectRole = $client
    .prepare<[number, number], Role>('select role from members where chat_id = ? and user_id = ?')
    .pluck()
  // Writes of other connections: https://www.sqlite.org/pragma.html#pragma_data_version. Writes of this one:
  // https://www.sqlite.org/lang_corefunc.html#total_changes
  const selectForeignWrites = $client.prepare<[], number>('pragma data_version').pluck()
  const selectOwnWrites = $client.prepare<[], number>('select total_changes()').pluck()

  const heads = new Map<number, LogHead>()
  let entries = 0
  let ownWrites: number | undefined
  let foreignWrites: number | undefined

  function headOf(chat_id: number): LogHead {
    const cached = heads.get(chat_id)
    if (cached) return cached
    const row = selectHead.get(chat_id)
    if (!row) throw new Refusal('CHAT_NOT_FOUND')
    const { kind, visibility, seq, updated_at, newest } = row
    const latest = toTimestamp(Math.max(updated_at, newest ?? 0))
    const head = { chat_id, kind, visibility, seq, latest, dirty: false, roles: new Map() }
    heads.set(chat_id, head)
    entries++
    return head
  }

  function roleOf(chat_id: number, user_id: number): Role | undefined {
    const { roles } = headOf(chat_id)
    const cached = roles.get(user_id)
    if (cached !== undefined || roles.has(user_id)) return cached
    const role = selectRole.get(chat_id, user_id)
    roles.set(user_id, role)
    entries++
    return role
  }

  function clear(): void {
    heads.clear()
    entries = 0
  }

  function begin(): Batch {
    const current = selectForeignWrites.get()
    if (foreignWrites !== current || ownWrites !== selectOwnWrites.get() || entries > CACHED_ENTRIES) clear()
    foreignWrites = current
    const now = toTimestamp(Date.now())
    const dirty: LogHead[] = []
    return {
      head: headOf,
      nextSeq(chat_id) {
        const head = headOf(chat_id)
        if (!head.dirty) dirty.push(head)
        head.dirty = true
        return ++head.seq
      },
      timestamp(chat_id) {
        const { latest } = headOf(chat_id)
        return latest.ms > now.ms ? latest : now
      },
      role: roleOf,
      requireMember(chat_id, user_id) {
        if (!roleOf(chat_id, user_id)) refuseIf(nonMemberError(headOf(chat_id)))
      },
      rights(chat_id, user_id) {
        this.requireMember(chat_id, user_id)
        return { kind: headOf(chat_id).kind, role: roleOf(chat_id, user_id) as Role }
      },
      removeHead: chat_id => void heads.delete(chat_id),
      writeHeads() {
        for (const head of dirty) {
          if (head.latest.ms < now.ms) head.latest = now
          updateHead.run(head.seq, head.latest.ms, head.chat_id)
          head.dirty = false
        }
        ownWrites = selectOwnWrites.get()
      }
    }
  }

  return { begin, clear }
}

function toTimestamp(ms: number): Timestamp {
  return { ms, iso: toIso(ms) }
}
