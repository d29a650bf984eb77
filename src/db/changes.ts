import type { ErrorCode } from '../errors.ts'
import type { Role, Visibility } from '../schemas/chat.ts'
import type { Data } from '../schemas/data.ts'
import type { Message, Sender } from '../schemas/message.ts'

/**
 * One durable change of a chat, requested by `user`. The transaction that makes the change decides whether the user may
 * make it. `member` and `user` are accounts that exist.
 */
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
  /** The user adds a member, or changes the role of a member. */
  | { type: 'set_member'; member: Sender; role?: Role | undefined }
  /** The user removes a member, or leaves. */
  | { type: 'leave'; member: Sender }
  | { type: 'settings'; title?: string | undefined; visibility?: Visibility | undefined; data?: Data | undefined }
  /** The user deletes the chat. */
  | { type: 'remove' }
  /** The user moves their read marker to a message. Takes no `seq`: the marker belongs to the user, not to the chat. */
  | { type: 'read'; id: number }
)

/** A change of one type, such as `ChangeOf<'send'>`. */
export type ChangeOf<Type extends Change['type']> = Change & { type: Type }

/** What a change did. */
export interface Success {
  /** The message that the change created or changed. For a repeated send: the message of the first send. */
  message: Message | undefined
  /** False for a repetition: everything was as the change asks for already, and nothing was written. */
  changed: boolean
  /** The user whose role the change changed; also the user who became owner because the last owner left. */
  role_changed?: number
  /** The new position of the read marker; absent when the marker did not move. */
  read_id?: number
}

/** A change that was not made: refused by a rule, or STORAGE_FAILED with what the storage reported as `cause`. */
export interface Failure {
  error: ErrorCode
  cause?: unknown
}

export type Result = Success | Failure

/** Thrown inside a transaction when a rule refuses one change. The other changes of the transaction go on. */
export class Refusal extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

/** Throws Refusal when a check of rules.ts returned an error code. */
export function refuseIf(code: ErrorCode | undefined): void {
  if (code) throw new Refusal(code)
}
