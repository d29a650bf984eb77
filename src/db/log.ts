import { createHash } from 'node:crypto'
import type { ErrorCode } from '../errors.ts'
import type { Role } from '../schemas/chat.ts'
import type { Message, MessageKind, Sender } from '../schemas/message.ts'
import { toIso } from './cursor.ts'
import type { Database } from './database.ts'
import { type MessageRow, toMessage } from './messages.ts'
import type { MessageMeta } from './tables.ts'

/** One durable change of a chat, asked for by `user`, who was found to be allowed to. */
export type Change = { chat_id: number; user: Sender } & (
  | { type: 'send'; text: string; client_id?: string | undefined; reply_to?: number | undefined }
  | { type: 'edit'; id: number; text: string }
  | { type: 'delete'; id: number; anybodys: boolean }
  | { type: 'join'; member: Sender; role: Role }
  | { type: 'leave'; member: Sender }
  | { type: 'rename'; title: string }
)

/** What became of a change. `fresh`: the log grew. Otherwise it was a repetition that found everything done already. */
export type Outcome = { message: Message | undefined; fresh: boolean } | { error: ErrorCode; cause?: unknown }

/** A change that cannot be made; its transaction goes on. */
class Refusal extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

interface StoredRow extends MessageRow {
  client_id: string | null
  meta: string | null
}

const COLUMNS = `m.chat_id, m.id, m.seq, m.kind, m.sender_id, u.username, m.text, m.reply_to, m.created_at, m.edited_at,
  m.deleted_at, m.client_id, m.meta`

/**
 * The append side of every chat's log. A batch is one transaction and one fsync; `seq` is taken inside it.
 * Written in plain SQL, prepared once: every message that is sent comes through here.
 */
export function logRepository(db: Database) {
  const client = db.$client
  const head = client.prepare<[number], number>('select seq from chats where id = ?').pluck()
  const setHead = client.prepare('update chats set seq = ?, updated_at = ? where id = ?')
  const insert = client.prepare(
    `insert into messages (chat_id, id, seq, kind, sender_id, client_id, text, reply_to, meta, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const find = client.prepare<[number, number], StoredRow>(
    `select ${COLUMNS} from messages m join users u on u.id = m.sender_id where m.chat_id = ? and m.id = ?`
  )
  const findByClientId = client.prepare<[number, number, string], StoredRow>(
    `select ${COLUMNS} from messages m join users u on u.id = m.sender_id
     where m.chat_id = ? and m.sender_id = ? and m.client_id = ?`
  )
  const exists = client.prepare('select 1 from messages where chat_id = ? and id = ?').pluck()
  const change = client.prepare(
    'update messages set seq = ?, text = ?, meta = ?, edited_at = ?, deleted_at = ? where chat_id = ? and id = ?'
  )
  const addMember = client.prepare(
    'insert into members (chat_id, user_id, role, read_id, joined_at) values (?, ?, ?, ?, ?) on conflict do nothing'
  )
  const removeMember = client
    .prepare<[number, number], Role>('delete from members where chat_id = ? and user_id = ? returning role')
    .pluck()
  const hasOwner = client.prepare("select 1 from members where chat_id = ? and role = 'owner' limit 1").pluck()
  const promote = client.prepare(
    `update members set role = 'owner' where chat_id = @chat_id and user_id =
     (select user_id from members where chat_id = @chat_id order by role <> 'admin', joined_at, user_id limit 1)`
  )
  const rename = client.prepare('update chats set title = ? where id = ? and title <> ?')

  /** The heads of the chats that a batch touches, and its time. */
  class Batch {
    readonly now = Date.now()
    readonly iso = toIso(this.now)
    private readonly heads = new Map<number, number>()

    /** The next number of a chat. */
    next(chat_id: number): number {
      const seq = (this.heads.get(chat_id) ?? this.load(chat_id)) + 1
      this.heads.set(chat_id, seq)
      return seq
    }

    save(): void {
      for (const [chat_id, seq] of this.heads) setHead.run(seq, this.now, chat_id)
    }

    private load(chat_id: number): number {
      const seq = head.get(chat_id)
      if (seq === undefined) throw new Refusal('CHAT_NOT_FOUND')
      return seq
    }
  }

  function create(
    batch: Batch,
    { chat_id, user }: Change,
    kind: MessageKind,
    text: string | null,
    { client_id = null, reply_to = null, meta = null }: Partial<Record<'client_id' | 'reply_to' | 'meta', unknown>> = {}
  ): Outcome {
    const id = batch.next(chat_id)
    insert.run(chat_id, id, id, kind, user.id, client_id, text, reply_to, meta, batch.now)
    const message: Message = { chat_id, id, seq: id, kind, sender: user, created_at: batch.iso }
    if (text !== null) message.message = text
    if (reply_to !== null) message.reply_to = reply_to as number
    return { message, fresh: true }
  }

  function send(batch: Batch, asked: Change & { type: 'send' }): Outcome {
    const { chat_id, user, text, client_id, reply_to } = asked
    if (client_id !== undefined) {
      const first = findByClientId.get(chat_id, user.id, client_id)
      if (first) return repetition(first, text)
    }
    if (reply_to !== undefined && !exists.get(chat_id, reply_to)) throw new Refusal('REPLY_TO_NOT_FOUND')
    return create(batch, asked, 'text', text, { client_id, reply_to })
  }

  /** A retry is known by the text first sent, even when it was edited since. A deleted text cannot be compared. */
  function repetition(first: StoredRow, text: string): Outcome {
    const digest = (JSON.parse(first.meta ?? '{}') as MessageMeta).first_text
    const same = first.text === null || (digest === undefined ? first.text === text : digest === sha256(text))
    if (!same) throw new Refusal('CLIENT_ID_REUSED')
    return { message: toMessage(first), fresh: false }
  }

  function edit(batch: Batch, { chat_id, id, user, text }: Change & { type: 'edit' }): Outcome {
    const row = editable(chat_id, id)
    if (row.sender_id !== user.id) throw new Refusal('NOT_THE_SENDER')
    if (row.deleted_at !== null) throw new Refusal('MESSAGE_DELETED')
    if (row.text === text) return { message: toMessage(row), fresh: false }
    const meta: MessageMeta = JSON.parse(row.meta ?? '{}')
    if (row.client_id !== null) meta.first_text ??= sha256(row.text ?? '')
    return store(batch, { ...row, text, meta: JSON.stringify(meta), edited_at: batch.now })
  }

  function remove(batch: Batch, { chat_id, id, user, anybodys }: Change & { type: 'delete' }): Outcome {
    const row = editable(chat_id, id)
    if (row.sender_id !== user.id && !anybodys) throw new Refusal('ADMIN_REQUIRED')
    if (row.deleted_at !== null) return { message: toMessage(row), fresh: false }
    return store(batch, { ...row, text: null, meta: null, deleted_at: batch.now })
  }

  function editable(chat_id: number, id: number): StoredRow {
    const row = find.get(chat_id, id)
    if (!row) throw new Refusal('MESSAGE_NOT_FOUND')
    if (row.kind !== 'text') throw new Refusal('NOT_EDITABLE')
    return row
  }

  function store(batch: Batch, row: StoredRow): Outcome {
    row.seq = batch.next(row.chat_id)
    change.run(row.seq, row.text, row.meta, row.edited_at, row.deleted_at, row.chat_id, row.id)
    return { message: toMessage(row), fresh: true }
  }

  function join(batch: Batch, asked: Change & { type: 'join' }): Outcome {
    const { chat_id, user, member, role } = asked
    const before = head.get(chat_id)
    if (before === undefined) throw new Refusal('CHAT_NOT_FOUND')
    // A chat that everybody had left belongs to whoever comes first.
    const first = hasOwner.get(chat_id) ? role : 'owner'
    if (addMember.run(chat_id, member.id, first, before, batch.now).changes === 0) {
      return { message: undefined, fresh: false }
    }
    const meta = user.id === member.id ? null : JSON.stringify({ added_by: user.id } satisfies MessageMeta)
    return create(batch, { ...asked, user: member }, 'joined', null, { meta })
  }

  function leave(batch: Batch, asked: Change & { type: 'leave' }): Outcome {
    const { chat_id, user, member } = asked
    if (removeMember.get(chat_id, member.id) === undefined) throw new Refusal('MEMBER_NOT_FOUND')
    if (!hasOwner.get(chat_id)) promote.run({ chat_id })
    const meta = user.id === member.id ? null : JSON.stringify({ removed_by: user.id } satisfies MessageMeta)
    return create(batch, { ...asked, user: member }, 'left', null, { meta })
  }

  function retitle(batch: Batch, asked: Change & { type: 'rename' }): Outcome {
    const { chat_id, title } = asked
    if (rename.run(title, chat_id, title).changes === 0) return { message: undefined, fresh: false }
    return create(batch, asked, 'renamed', title)
  }

  function apply(batch: Batch, asked: Change): Outcome {
    try {
      switch (asked.type) {
        case 'send':
          return send(batch, asked)
        case 'edit':
          return edit(batch, asked)
        case 'delete':
          return remove(batch, asked)
        case 'join':
          return join(batch, asked)
        case 'leave':
          return leave(batch, asked)
        case 'rename':
          return retitle(batch, asked)
      }
    } catch (error) {
      if (error instanceof Refusal) return { error: error.code }
      throw error
    }
  }

  const transaction = client.transaction((changes: Change[]): Outcome[] => {
    const batch = new Batch()
    const outcomes = changes.map(asked => apply(batch, asked))
    batch.save()
    return outcomes
  }).immediate

  return {
    /**
     * Makes these changes, durably, when the promise resolves: an outcome for each, in their order. When the database
     * fails, each is tried alone, so that one that cannot be stored does not take its neighbours with it.
     */
    async append(changes: Change[]): Promise<Outcome[]> {
      try {
        return transaction(changes)
      } catch (cause) {
        if (changes.length === 1) return [{ error: 'STORAGE_FAILED', cause }]
        return changes.map(alone => {
          try {
            return transaction([alone])[0] as Outcome
          } catch (cause) {
            return { error: 'STORAGE_FAILED', cause }
          }
        })
      }
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
