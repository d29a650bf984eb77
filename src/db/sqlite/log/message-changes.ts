import { createHash } from 'node:crypto'
import type { Data } from '../../../schemas/data.ts'
import type { Message, MessageKind } from '../../../schemas/message.ts'
import { refuseToDelete } from '../../rules.ts'
import { JOIN_SENDER, MESSAGE_COLUMNS, type MessageRow, messageReader, withReactions } from '../message-row.ts'
import type { Database } from '../open.ts'
import { Reactions } from '../reactions.ts'
import type { MessageMeta, reactions } from '../tables.ts'
import { type Batch, type Change, type Done, Refusal, refuse } from './batch.ts'

interface StoredRow extends MessageRow {
  client_id: string | null
  meta: string | null
}

type Of<Type extends Change['type']> = Change & { type: Type }

/** Makes a message that takes the next number of its chat. */
export type Create = (
  batch: Batch,
  change: Pick<Change, 'chat_id' | 'user'>,
  kind: MessageKind,
  text: string | null,
  more?: {
    client_id?: string | undefined
    reply_to?: number | undefined
    data?: Data | undefined
    meta?: MessageMeta | undefined
  }
) => Done

/** Different emoji on one message. */
const EMOJI = 20

// `+?`: see `param` in drizzle.ts.
const STORED = `select ${MESSAGE_COLUMNS}, m.client_id, m.meta from messages m ${JOIN_SENDER}`

/** The changes of the log that make a message or change one, inside its transaction. They throw Refusal. */
export function messageChanges(db: Database) {
  const client = db.$client
  const read = messageReader(db)
  const reactionsOf = new Reactions(db)
  const insert = client.prepare(
    `insert into messages (chat_id, id, seq, kind, sender_id, client_id, text, reply_to, data, meta, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const find = client.prepare<[number, number], StoredRow>(`${STORED} where m.chat_id = +? and m.id = +?`)
  const findByClientId = client.prepare<[number, number, string], StoredRow>(
    `${STORED} where m.chat_id = +? and m.sender_id = +? and m.client_id = +?`
  )
  const exists = client.prepare('select 1 from messages where chat_id = ? and id = ?').pluck()
  const update = client.prepare<[StoredRow]>(
    `update messages set seq = @seq, text = @text, data = @data, meta = @meta, edited_at = @edited_at, deleted_at = @deleted_at
     where chat_id = @chat_id and id = @id`
  )
  const touch = client.prepare('update messages set seq = ? where chat_id = ? and id = ?')
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

  const create: Create = (batch, { chat_id, user }, kind, text, more = NOTHING) => {
    const { client_id, reply_to, data, meta } = more
    const id = batch.next(chat_id)
    const { ms, iso } = batch.time(chat_id)
    const [storedData, storedMeta] = [data ? JSON.stringify(data) : null, meta ? JSON.stringify(meta) : null]
    insert.run(chat_id, id, id, kind, user.id, client_id ?? null, text, reply_to ?? null, storedData, storedMeta, ms)
    const message: Message = { chat_id, id, seq: id, kind, sender: user, created_at: iso }
    if (text !== null) message.message = text
    if (reply_to !== undefined) message.reply_to = reply_to
    if (data !== undefined) message.data = data
    return { message, fresh: true }
  }

  function send(batch: Batch, change: Of<'send'>): Done {
    const { chat_id, user, text, client_id, reply_to, data } = change
    if (client_id !== undefined) {
      const first = findByClientId.get(chat_id, user.id, client_id)
      if (first) return repetition(first, text, data)
    }
    if (reply_to !== undefined && !exists.get(chat_id, reply_to)) throw new Refusal('REPLY_TO_NOT_FOUND')
    return create(batch, change, 'text', text, change)
  }

  /**
   * A retry is known by the text and the `data` first sent, even when they were edited since. Those of a deleted message
   * cannot be compared.
   */
  function repetition(first: StoredRow, text: string, data: Data | undefined): Done {
    if (first.text === null) return done(first)
    const json = data === undefined ? null : JSON.stringify(data)
    const { first_text } = JSON.parse(first.meta ?? '{}') as MessageMeta
    // Most retries are the same byte for byte. To put the keys of `data` in order takes much longer than to look.
    const identical = first_text === undefined && first.text === text && first.data === json
    if (!identical && (first_text ?? contentDigest(first.text, first.data)) !== contentDigest(text, json)) {
      throw new Refusal('CLIENT_ID_REUSED')
    }
    return done(first)
  }

  function edit(batch: Batch, change: Of<'edit'>): Done {
    const { chat_id, id, user } = change
    const row = editable(chat_id, id)
    if (row.sender_id !== user.id) throw new Refusal('NOT_THE_SENDER')
    if (row.deleted_at !== null) throw new Refusal('MESSAGE_DELETED')
    const text = change.text ?? row.text
    const data = change.data === undefined ? row.data : JSON.stringify(change.data)
    if (row.text === text && row.data === data) return done(row)
    const meta: MessageMeta = JSON.parse(row.meta ?? '{}')
    if (row.client_id !== null) meta.first_text ??= contentDigest(row.text, row.data)
    const edited_at = row.text === text ? row.edited_at : batch.time(chat_id).ms
    return store(batch, { ...row, text, data, meta: JSON.stringify(meta), edited_at })
  }

  function remove(batch: Batch, { chat_id, id, user }: Of<'delete'>): Done {
    const row = editable(chat_id, id)
    if (row.sender_id !== user.id) refuse(refuseToDelete(batch.rights(chat_id, user.id)))
    if (row.deleted_at !== null) return done(row)
    removeReactions.run(chat_id, id)
    return store(batch, { ...row, text: null, data: null, meta: null, deleted_at: batch.time(chat_id).ms })
  }

  function react(batch: Batch, { chat_id, id, user, emoji }: Of<'react'>): Done {
    const row = reactable(chat_id, id)
    if (hasReaction.get(chat_id, id, user.id, emoji)) return done(row)
    const before = reactionsOf.before(row)
    if (before.filter(reaction => reaction.emoji !== emoji).length >= EMOJI) throw new Refusal('TOO_MANY_REACTIONS')
    const seq = moveOn(batch, row)
    const created_at = batch.time(chat_id).ms
    addReaction.run({ chat_id, message_id: id, user_id: user.id, emoji, created_at, seq })
    return { message: withReactions(row, reactionsOf.added(before, row, emoji, user.id)), fresh: true }
  }

  function unreact(batch: Batch, { chat_id, id, user, emoji }: Of<'unreact'>): Done {
    const row = reactable(chat_id, id)
    if (!hasReaction.get(chat_id, id, user.id, emoji)) return done(row)
    const before = reactionsOf.before(row)
    removeReaction.run(chat_id, id, user.id, emoji)
    moveOn(batch, row)
    return { message: withReactions(row, reactionsOf.removed(before, row, emoji, user.id)), fresh: true }
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

  function store(batch: Batch, row: StoredRow): Done {
    row.seq = batch.next(row.chat_id)
    update.run(row)
    return { message: read(row), fresh: true }
  }

  /** Gives a message the next number of its chat, which is returned, and changes nothing else in its row. */
  function moveOn(batch: Batch, row: StoredRow): number {
    row.seq = batch.next(row.chat_id)
    touch.run(row.seq, row.chat_id, row.id)
    return row.seq
  }

  /** Everything was done before. */
  function done(row: StoredRow): Done {
    return { message: read(row), fresh: false }
  }

  return { create, send, edit, remove, react, unreact, rolledBack: () => reactionsOf.forget() }
}

const NOTHING = {}

/** What tells whether two messages say the same. A text has no U+0000, so that it cannot pass for a text with `data`. */
function contentDigest(text: string | null, data: string | null): string {
  return createHash('sha256')
    .update(data === null ? (text ?? '') : `${text}\0${sorted(data)}`)
    .digest('hex')
}

/** The same JSON with its keys in order: a client that builds an object anew may put them in another. */
function sorted(json: string): string {
  const inOrder = (_key: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return JSON.stringify(JSON.parse(json), inOrder)
}
