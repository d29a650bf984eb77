import type { Data } from '../../../schemas/data.ts'
import type { Message, MessageKind } from '../../../schemas/message.ts'
import { type Change, type ChangeOf, Refusal, refuseIf, type Success } from '../../changes.ts'
import { toMessage } from '../../rows.ts'
import { checkDelete, checkEdit, checkEmoji, checkReact, checkRepetition, contentDigest } from '../../rules.ts'
import {
  type ChangedMessage,
  INSERT_MESSAGE,
  JOIN_SENDER,
  messageReader,
  type NewMessageValues,
  STORED_MESSAGE_COLUMNS,
  type StoredMessageRow,
  UPDATE_MESSAGE
} from '../message-row.ts'
import type { Database } from '../open.ts'
import { Reactions } from '../reactions.ts'
import type { MessageMeta, reactions } from '../tables.ts'
import type { Batch } from './batch.ts'

/** Creates a message, which takes the next number of its chat. */
export type CreateMessage = (
  batch: Batch,
  change: Pick<Change, 'chat_id' | 'user'>,
  kind: MessageKind,
  text: string | null,
  optional?: {
    client_id?: string | undefined
    reply_to?: number | undefined
    data?: Data | undefined
    meta?: MessageMeta | undefined
  }
) => Success

const NOTHING = {}

// `+?`: see `param` in drizzle.ts.
const SELECT = `select ${STORED_MESSAGE_COLUMNS} from messages m ${JOIN_SENDER}`

/** The changes of the log that create or change a message. They run inside its transaction and throw Refusal. */
export function messageChanges(db: Database) {
  const client = db.$client
  const read = messageReader(db)
  const reactionsOf = new Reactions(db)
  const insert = client.prepare<NewMessageValues>(INSERT_MESSAGE)
  const byId = client.prepare<[number, number], StoredMessageRow>(`${SELECT} where m.chat_id = +? and m.id = +?`)
  const byClientId = client.prepare<[number, number, string], StoredMessageRow>(
    `${SELECT} where m.chat_id = +? and m.sender_id = +? and m.client_id = +?`
  )
  const exists = client.prepare('select 1 from messages where chat_id = ? and id = ?').pluck()
  const update = client.prepare<[ChangedMessage]>(UPDATE_MESSAGE)
  const updateSeq = client.prepare('update messages set seq = ? where chat_id = ? and id = ?')
  const hasReaction = client
    .prepare('select 1 from reactions where chat_id = ? and message_id = ? and user_id = ? and emoji = ?')
    .pluck()
  const addReaction = client.prepare<[typeof reactions.$inferInsert]>(
    `insert into reactions (chat_id, message_id, user_id, emoji, created_at, seq)
     values (@chat_id, @message_id, @user_id, @emoji, @created_at, @seq)`
  )
  const removeReaction = client.prepare(
    'delete from reactions where chat_id = ? and message_id = ? and user_id = ? and emoji = ?'
  )
  const removeReactions = client.prepare('delete from reactions where chat_id = ? and message_id = ?')

  const create: CreateMessage = (batch, { chat_id, user }, kind, text, optional = NOTHING) => {
    const { client_id, reply_to, data, meta } = optional
    const id = batch.nextSeq(chat_id)
    const { ms, iso } = batch.timestamp(chat_id)
    const [storedData, storedMeta] = [data ? JSON.stringify(data) : null, meta ? JSON.stringify(meta) : null]
    insert.run(chat_id, id, id, kind, user.id, client_id ?? null, text, reply_to ?? null, storedData, storedMeta, ms)
    const message: Message = { chat_id, id, seq: id, kind, sender: user, created_at: iso }
    if (text !== null) message.message = text
    if (reply_to !== undefined) message.reply_to = reply_to
    if (data !== undefined) message.data = data
    return { message, changed: true }
  }

  function send(batch: Batch, change: ChangeOf<'send'>): Success {
    const { chat_id, user, text, client_id, reply_to, data } = change
    const first = client_id === undefined ? undefined : byClientId.get(chat_id, user.id, client_id)
    if (first) {
      const { first_text: first_digest } = metaOf(first)
      refuseIf(checkRepetition({ text: first.text, data: first.data, first_digest }, text, data))
      return unchanged(first)
    }
    if (reply_to !== undefined && !exists.get(chat_id, reply_to)) throw new Refusal('REPLY_TO_NOT_FOUND')
    return create(batch, change, 'text', text, change)
  }

  function edit(batch: Batch, change: ChangeOf<'edit'>): Success {
    const { chat_id, id, user } = change
    const row = find(chat_id, id)
    refuseIf(checkEdit(row, user.id))
    const text = change.text ?? row.text
    const data = change.data === undefined ? row.data : JSON.stringify(change.data)
    if (row.text === text && row.data === data) return unchanged(row)
    const meta = metaOf(row)
    if (row.client_id !== null) meta.first_text ??= contentDigest(row.text, row.data)
    const edited_at = row.text === text ? row.edited_at : batch.timestamp(chat_id).ms
    return store(batch, { ...row, text, data, meta: JSON.stringify(meta), edited_at })
  }

  function remove(batch: Batch, { chat_id, id, user }: ChangeOf<'delete'>): Success {
    const row = find(chat_id, id)
    refuseIf(checkDelete(row, user.id, batch.rights(chat_id, user.id)))
    if (row.deleted_at !== null) return unchanged(row)
    removeReactions.run(chat_id, id)
    return store(batch, { ...row, text: null, data: null, meta: null, deleted_at: batch.timestamp(chat_id).ms })
  }

  function react(batch: Batch, { chat_id, id, user, emoji }: ChangeOf<'react'>): Success {
    const row = find(chat_id, id)
    refuseIf(checkReact(row))
    if (hasReaction.get(chat_id, id, user.id, emoji)) return unchanged(row)
    const before = reactionsOf.before(row)
    refuseIf(
      checkEmoji(
        emoji,
        before.map(reaction => reaction.emoji)
      )
    )
    const seq = takeSeq(batch, row)
    const created_at = batch.timestamp(chat_id).ms
    addReaction.run({ chat_id, message_id: id, user_id: user.id, emoji, created_at, seq })
    return { message: toMessage(row, reactionsOf.added(before, row, emoji, user.id)), changed: true }
  }

  function unreact(batch: Batch, { chat_id, id, user, emoji }: ChangeOf<'unreact'>): Success {
    const row = find(chat_id, id)
    refuseIf(checkReact(row))
    if (!hasReaction.get(chat_id, id, user.id, emoji)) return unchanged(row)
    const before = reactionsOf.before(row)
    removeReaction.run(chat_id, id, user.id, emoji)
    takeSeq(batch, row)
    return { message: toMessage(row, reactionsOf.removed(before, row, emoji, user.id)), changed: true }
  }

  function find(chat_id: number, id: number): StoredMessageRow {
    const row = byId.get(chat_id, id)
    if (!row) throw new Refusal('MESSAGE_NOT_FOUND')
    return row
  }

  /** Writes a changed row, which takes the next number of its chat. */
  function store(batch: Batch, row: StoredMessageRow): Success {
    row.seq = batch.nextSeq(row.chat_id)
    update.run(row)
    return { message: read(row), changed: true }
  }

  /** Gives a message the next number of its chat and returns the number. Nothing else in the row changes. */
  function takeSeq(batch: Batch, row: StoredMessageRow): number {
    row.seq = batch.nextSeq(row.chat_id)
    updateSeq.run(row.seq, row.chat_id, row.id)
    return row.seq
  }

  /** The result of a repetition. */
  function unchanged(row: StoredMessageRow): Success {
    return { message: read(row), changed: false }
  }

  return { create, send, edit, remove, react, unreact, clearCache: () => reactionsOf.clear() }
}

function metaOf({ meta }: StoredMessageRow): MessageMeta {
  return JSON.parse(meta ?? '{}')
}
