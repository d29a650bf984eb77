import { createHash } from 'node:crypto'
import type { Message, MessageKind } from '../schemas/message.ts'
import type { Database } from './database.ts'
import { type Batch, type Change, type Outcome, Refusal } from './log-batch.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader } from './message-row.ts'
import type { MessageMeta, reactions } from './tables.ts'

interface StoredRow extends MessageRow {
  client_id: string | null
  meta: string | null
}

type Asked<Type extends Change['type']> = Change & { type: Type }

/** Different emoji on one message. */
const EMOJI = 20

// `+?`: see `param` in drizzle.ts.
const STORED = `select ${MESSAGE_COLUMNS}, m.client_id, m.meta from messages m ${JOIN_SENDER}`

/** The changes of the log that make a message or change one, inside its transaction. They throw Refusal. */
export function messageChanges(db: Database) {
  const client = db.$client
  const read = messageReader(db)
  const insert = client.prepare(
    `insert into messages (chat_id, id, seq, kind, sender_id, client_id, text, reply_to, meta, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const find = client.prepare<[number, number], StoredRow>(`${STORED} where m.chat_id = +? and m.id = +?`)
  const findByClientId = client.prepare<[number, number, string], StoredRow>(
    `${STORED} where m.chat_id = +? and m.sender_id = +? and m.client_id = +?`
  )
  const exists = client.prepare('select 1 from messages where chat_id = ? and id = ?').pluck()
  const change = client.prepare<[StoredRow]>(
    `update messages set seq = @seq, text = @text, meta = @meta, edited_at = @edited_at, deleted_at = @deleted_at
     where chat_id = @chat_id and id = @id`
  )
  const touch = client.prepare('update messages set seq = ? where chat_id = ? and id = ?')
  const hasReaction = client
    .prepare('select 1 from reactions where chat_id = ? and message_id = ? and user_id = ? and emoji = ?')
    .pluck()
  const otherEmoji = client
    .prepare<unknown[], number>(
      'select count(distinct emoji) from reactions where chat_id = ? and message_id = ? and emoji <> ?'
    )
    .pluck()
  const addReaction = client.prepare<[typeof reactions.$inferInsert]>(
    `insert into reactions (chat_id, message_id, user_id, emoji, created_at, seq)
     values (@chat_id, @message_id, @user_id, @emoji, @created_at, @seq)`
  )
  const removeReaction = client.prepare(
    'delete from reactions where chat_id = ? and message_id = ? and user_id = ? and emoji = ?'
  )
  const removeReactions = client.prepare('delete from reactions where chat_id = ? and message_id = ?')

  /** A message that takes the next number of its chat. */
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

  function send(batch: Batch, asked: Asked<'send'>): Outcome {
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
    return done(first)
  }

  function edit(batch: Batch, { chat_id, id, user, text }: Asked<'edit'>): Outcome {
    const row = editable(chat_id, id)
    if (row.sender_id !== user.id) throw new Refusal('NOT_THE_SENDER')
    if (row.deleted_at !== null) throw new Refusal('MESSAGE_DELETED')
    if (row.text === text) return done(row)
    const meta: MessageMeta = JSON.parse(row.meta ?? '{}')
    if (row.client_id !== null) meta.first_text ??= sha256(row.text as string)
    return store(batch, { ...row, text, meta: JSON.stringify(meta), edited_at: batch.now })
  }

  function remove(batch: Batch, { chat_id, id, user, anybodys }: Asked<'delete'>): Outcome {
    const row = editable(chat_id, id)
    if (row.sender_id !== user.id && !anybodys) throw new Refusal('ADMIN_REQUIRED')
    if (row.deleted_at !== null) return done(row)
    removeReactions.run(chat_id, id)
    return store(batch, { ...row, text: null, meta: null, deleted_at: batch.now })
  }

  function react(batch: Batch, { chat_id, id, user, emoji }: Asked<'react'>): Outcome {
    const row = reactable(chat_id, id)
    if (hasReaction.get(chat_id, id, user.id, emoji)) return done(row)
    if ((otherEmoji.get(chat_id, id, emoji) as number) >= EMOJI) throw new Refusal('TOO_MANY_REACTIONS')
    const seq = moveOn(batch, row)
    addReaction.run({ chat_id, message_id: id, user_id: user.id, emoji, created_at: batch.now, seq })
    return changed(row)
  }

  function unreact(batch: Batch, { chat_id, id, user, emoji }: Asked<'unreact'>): Outcome {
    const row = reactable(chat_id, id)
    if (removeReaction.run(chat_id, id, user.id, emoji).changes === 0) return done(row)
    moveOn(batch, row)
    return changed(row)
  }

  function stored(chat_id: number, id: number): StoredRow {
    const row = find.get(chat_id, id)
    if (!row) throw new Refusal('MESSAGE_NOT_FOUND')
    return row
  }

  function editable(chat_id: number, id: number): StoredRow {
    const row = stored(chat_id, id)
    if (row.kind !== 'text') throw new Refusal('NOT_EDITABLE')
    return row
  }

  function reactable(chat_id: number, id: number): StoredRow {
    const row = stored(chat_id, id)
    if (row.deleted_at !== null) throw new Refusal('MESSAGE_DELETED')
    return row
  }

  function store(batch: Batch, row: StoredRow): Outcome {
    row.seq = batch.next(row.chat_id)
    change.run(row)
    return changed(row)
  }

  /** Gives a message the next number of its chat, which is returned, and changes nothing else in its row. */
  function moveOn(batch: Batch, row: StoredRow): number {
    row.seq = batch.next(row.chat_id)
    touch.run(row.seq, row.chat_id, row.id)
    return row.seq
  }

  function changed(row: StoredRow): Outcome {
    return { message: read([row])[0], fresh: true }
  }

  /** Everything asked for was done before. */
  function done(row: StoredRow): Outcome {
    return { message: read([row])[0], fresh: false }
  }

  return { create, send, edit, remove, react, unreact }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
