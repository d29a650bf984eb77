import type { Message } from '../../schemas/message.ts'
import { type MessageRow, toMessage } from '../rows.ts'
import type { Database } from './open.ts'
import { Reactions } from './reactions.ts'
import type { messages } from './tables.ts'

// The one list of the columns of `messages`. The compiler compares it with tables.ts.

/** The columns that a new message gets, in the order of `NewMessageValues`. */
const NEW_MESSAGE_COLUMNS = [
  'chat_id',
  'id',
  'seq',
  'kind',
  'sender_id',
  'client_id',
  'text',
  'reply_to',
  'data',
  'meta',
  'created_at'
] as const
/** The columns that are NULL in a new message. */
const LATER_COLUMNS = ['edited_at', 'deleted_at'] as const
/** The columns that an edit or a deletion writes. */
const CHANGED_COLUMNS = ['seq', 'text', 'data', 'meta', ...LATER_COLUMNS] as const
/** The columns that do not go over the wire. */
const INTERNAL_COLUMNS = ['client_id', 'meta'] as const

const COLUMNS = [...NEW_MESSAGE_COLUMNS, ...LATER_COLUMNS] satisfies Column[]

type Table = typeof messages.$inferSelect
type Column = keyof Table
/** JSON columns hold text in plain SQL. */
type Stored = Omit<Table, 'data' | 'meta'> & Record<'data' | 'meta', string | null>

/** A message with the columns that only the log needs. */
export type StoredMessageRow = MessageRow & Pick<Stored, (typeof INTERNAL_COLUMNS)[number]>

/** The parameters of INSERT_MESSAGE. Positional: named parameters take better-sqlite3 half as long again. */
export type NewMessageValues = ValuesOf<typeof NEW_MESSAGE_COLUMNS>

type ValuesOf<Columns extends readonly Column[]> = { -readonly [Index in keyof Columns]: Stored[Columns[Index]] }

/** The parameters of UPDATE_MESSAGE, by name. */
export type ChangedMessage = Pick<Stored, 'chat_id' | 'id' | (typeof CHANGED_COLUMNS)[number]>

// A compile error here means that a column of `messages` is missing in the lists above.
true satisfies Exclude<Column, (typeof COLUMNS)[number]> extends never ? true : never

const isInternal = (column: Column) => (INTERNAL_COLUMNS as readonly Column[]).includes(column)
const qualified = (columns: readonly Column[]) => columns.map(column => `m.${column}`).join(', ')

/** SQL: the columns of MessageRow, of `messages m` with JOIN_SENDER. */
export const MESSAGE_COLUMNS = `${qualified(COLUMNS.filter(column => !isInternal(column)))}, u.username`
/** SQL: the columns of StoredMessageRow, of the same. */
export const STORED_MESSAGE_COLUMNS = `${qualified(COLUMNS)}, u.username`
export const JOIN_SENDER = 'join users u on u.id = m.sender_id'

export const INSERT_MESSAGE = `insert into messages (${NEW_MESSAGE_COLUMNS.join(', ')})
  values (${NEW_MESSAGE_COLUMNS.map(() => '?').join(', ')})`

export const UPDATE_MESSAGE = `update messages set ${CHANGED_COLUMNS.map(column => `${column} = @${column}`).join(', ')}
  where chat_id = @chat_id and id = @id`

/**
 * Returns a function that makes a message of a row, with its reactions. A reaction is a change of its message: only
 * rows with seq > id are looked up in `reactions`, and a page of unchanged messages needs no extra query. Counting
 * thousands of reactions takes milliseconds: yield to the event loop between the messages of a page.
 */
export function messageReader(db: Database): (row: MessageRow) => Message {
  const reactions = new Reactions(db)
  return row => (row.seq > row.id ? toMessage(row, reactions.of(row.chat_id, row.id)) : toMessage(row))
}
