import type { Chat, Member, NewChat, PublicChat, ReadState } from '../schemas/chat.ts'
import type { Page } from '../schemas/common.ts'
import type { FoundMessage, History, HistoryQuery, Message } from '../schemas/message.ts'
import type { ProfileChange, User } from '../schemas/user.ts'
import type { Change, Result } from './changes.ts'
import type { PageRequest } from './page.ts'
import type { ChatAccess, ChatHead, NewUser, SearchRequest, StoredSession } from './records.ts'

// What the rest of the server knows of the storage: types only. Every storage promises:
//
// - A promise of a write resolves after the data is durable. Every later read, on this node, sees it.
// - A write is made as a whole or not at all, and decides on the data that it finds in its own transaction.
// - When the storage fails (a full disk, a lock held by another process for seconds), functions throw STORAGE_FAILED.
//   `LogRepository.append` reports it in its results instead.
// - Ids of accounts, chats and messages are positive integers that are never used again; ids of messages are unique in
//   their chat. Times are integer milliseconds since 1970, unless a function
//   returns an object of the wire, whose times are ISO 8601 strings.
// - Text is returned exactly as it was written. Lists are in the order that their function names, on every storage.
// - A cursor belongs to one list with the same parameters; a search takes the cursors of any search. Functions throw
//   INVALID_CURSOR for any other text.

/** Accounts. */
export interface UserRepository {
  /** Creates an account and returns it. Returns undefined when the username is taken, in any case. */
  create(user: NewUser): Promise<User | undefined>
  /** Returns an account; undefined when there is none with this id. */
  find(id: number): Promise<User | undefined>
  /** Returns the existing ones of these accounts, each once, ascending by id. */
  findAll(ids: number[]): Promise<User[]>
  /** Returns how many of these accounts exist. */
  count(ids: number[]): Promise<number>
  /** Returns an account with its password hash, by username in any case; undefined when there is none. */
  findForLogin(username: string): Promise<{ user: User; password_hash: string } | undefined>
  /** Returns the password hash of an account that exists. */
  passwordHash(id: number): Promise<string>
  /** Changes the given parts of the profile of an account that exists. Returns the changed account. */
  setProfile(id: number, change: ProfileChange): Promise<User>
  /**
   * Lists accounts whose username or display name begins with `query`, without regard to case and accents, ascending by
   * username (code point order).
   */
  list(request: PageRequest & { query?: string }): Promise<Page<User>>
}

/** Sessions: a login on one device. */
export interface SessionRepository {
  /**
   * Opens a session and removes the expired sessions of the user. Returns undefined, and opens none, when the password
   * hash of the user is no longer `password_hash`.
   */
  create(
    user: { id: number; password_hash: string },
    expires_at: number,
    userAgent?: string
  ): Promise<StoredSession | undefined>
  /**
   * Replaces the password hash of a user and ends all sessions of the user but `session_id`. Returns the ids of the
   * ended sessions. Throws UNAUTHENTICATED when `session_id` has ended, and WRONG_PASSWORD when the password hash is no
   * longer `verified`: hashing takes long, and either may change meanwhile.
   */
  changePassword(
    change: { user_id: number; session_id: string; verified: string },
    password_hash: string
  ): Promise<string[]>
  /** Returns a session with its user; undefined when the session is unknown, has ended or has expired. */
  find(id: string): Promise<{ session: StoredSession; user: User } | undefined>
  /** Lists the sessions of a user that have not expired, newest first. */
  list(user_id: number, request: PageRequest): Promise<Page<StoredSession>>
  /**
   * Ends the sessions of a user beyond the `keep` sessions that were used last; at most 1000 in one call. Returns the
   * ids of the ended sessions.
   */
  endOldest(user_id: number, keep: number): Promise<string[]>
  /** Removes all expired sessions. */
  sweep(): Promise<void>
  /** Stores when a session was used, and its new expiry. Does nothing when there is no such session. */
  touch(id: string, times: { last_seen_at: number; expires_at?: number }): Promise<void>
  /** Ends one session of a user. Returns its id in an array, or an empty array when the user has no such session. */
  remove(user_id: number, id: string): Promise<string[]>
}

/** Chats as members and as strangers see them. No function returns a deleted chat. */
export interface ChatRepository {
  /**
   * Creates a group with `owner` as its owner and `member_ids`, accounts that exist, as members. Private by default.
   * Returns the id of the chat. The chat begins without messages.
   */
  create(owner: number, chat: NewChat): Promise<number>
  /** Finds or creates the direct chat of two users. Two users have at most one direct chat, whoever asks first. */
  direct(user_id: number, other: number): Promise<{ id: number; created: boolean }>
  /** Returns a chat as its member sees it; undefined when the user is not a member. */
  find(chat_id: number, user_id: number): Promise<Chat | undefined>
  /** Returns a chat without anything that depends on a member; undefined when there is none. */
  describe(chat_id: number): Promise<PublicChat | undefined>
  /** Lists the chats of a user, the chat with the latest change first, then descending by id. */
  list(user_id: number, request: PageRequest): Promise<Page<Chat>>
  /**
   * Returns a version of the user's list of chats: the list does not change while the version stays the same. This
   * process never uses a version again. Ask for the version before the list. Returns undefined when no version is
   * known; then read the list.
   */
  listVersion(user_id: number): Promise<number | undefined>
  /** Lists public chats whose title contains `query`, without regard to case and accents, newest first. */
  listPublic(request: PageRequest & { query?: string }): Promise<Page<PublicChat>>
  /** Returns the ids of the chats of a user, in any order; at most `most` of them. */
  ids(user_id: number, max?: number): Promise<number[]>
  /** Returns the heads of all chats of a user, the chat with the latest change first. */
  heads(user_id: number): Promise<ChatHead[]>
  /**
   * Returns for each head how many messages the user had not read when the chat was at `seq`: texts of other users
   * with `read_id` < id <= `seq`, without those deleted by then. A message that was deleted after `seq` counts: the
   * reader of the log still gets that change. Counts to 100, and looks at 10,000 messages at most.
   */
  unread(user_id: number, heads: ChatHead[]): Promise<number[]>
}

/** The members of chats. Members join, leave and get roles by changes of the log. */
export interface MemberRepository {
  /**
   * Returns the chat and the role of a user in it; undefined when there is no such chat. A deleted chat may still be
   * returned, as a private chat in which nobody has a role.
   */
  access(chat_id: number, user_id: number): Promise<ChatAccess | undefined>
  /** Returns a member; undefined when the user is not a member. */
  find(chat_id: number, user_id: number): Promise<Member | undefined>
  /** Lists the members of a chat, ascending by the id of the account. */
  list(chat_id: number, request: PageRequest): Promise<Page<Member>>
  /**
   * Returns the read marker of a user and the number of unread messages, counted as `ChatRepository.unread` does. Both
   * are 0 for a user who is not a member.
   */
  readState(chat_id: number, user_id: number): Promise<ReadState>
}

/**
 * Stored messages. A message has an `id`, the number of the chat's change that created it, and a `seq`, the number of
 * the latest change of it. Functions return the current state of a message, with its reactions. Callers check access
 * first: messages of a deleted chat may still be returned for a while.
 */
export interface MessageRepository {
  /** Returns a message; undefined when the chat has none with this id. */
  find(chat_id: number, id: number): Promise<Message | undefined>
  /** Returns the number of a chat's latest change; 0 when there is none, or no such chat. */
  head(chat_id: number): Promise<number>
  /** Returns the messages with after < seq <= until, ascending by seq; at most `limit` of them. */
  changes(chat_id: number, after: number, until: number, limit: number): Promise<Message[]>
  /**
   * Returns a page of the same: it ends early when messages are long, but has one message at least. `has_more` is true
   * when there are more messages up to `until`.
   */
  changesPage(
    chat_id: number,
    after: number,
    until: number,
    limit: number
  ): Promise<{ items: Message[]; has_more: boolean }>
  /** Returns the messages with after < id <= until, ascending by id, without deleted ones; at most `limit` of them. */
  created(chat_id: number, after: number, until: number, limit: number): Promise<Message[]>
  /**
   * Returns a page of history, ascending by id: the messages below `before`, above `after`, half of them below `around`
   * and half from it on, or the latest ones. Takes at most one of the three. Each side of a page ends early when
   * messages are long, but has one message at least, if one was asked for and exists.
   */
  history(chat_id: number, query: Omit<HistoryQuery, 'limit'> & { limit: number }): Promise<History>
}

/** The append side of the logs of all chats. */
export interface LogRepository {
  /**
   * Makes these changes in their order. Returns a result for each, in the same order, after all of them are durable.
   *
   * - A change that creates or changes a message takes the next number of its chat: numbers have no gaps. Other
   *   changes, and changes that are refused or change nothing, take none.
   * - Times in a chat never go back, whatever the clock says.
   * - A change that a rule refuses, or that cannot be stored, does not affect the others. When another process holds
   *   the lock for seconds, all changes fail.
   * - A `send` with a `client_id` that the user has used in the chat before returns the first message, with `changed`
   *   false, when it says the same as the first send did; otherwise it fails with CLIENT_ID_REUSED.
   */
  append(changes: Change[]): Promise<Result[]>
}

/** Full-text search. */
export interface SearchRepository {
  /**
   * Searches the messages of the user's chats for all words and phrases of `query`, newest first. Every message that
   * was stored before the search began is searched. The search goes on step by step: at each `yield`, the caller may
   * let other work run, or end the search. On a full disk, messages that are not indexed yet are missed. Throws
   * VALIDATION_FAILED when the query has too many words.
   */
  find(user_id: number, request: SearchRequest): AsyncGenerator<void, Page<FoundMessage>>
}

/** One repository a noun. */
export interface Repositories {
  users: UserRepository
  sessions: SessionRepository
  chats: ChatRepository
  members: MemberRepository
  messages: MessageRepository
  log: LogRepository
  search: SearchRepository
  /**
   * The random id of the history in this database, 16 bytes in base64url. Another one after a backup was restored:
   * numbers of chats that clients hold then mean nothing.
   */
  epoch: string
  /** Resolves when the database can be read and, as far as is known, written. Throws the reason otherwise. */
  ready(): Promise<void>
  /** Ends background work and closes the database. */
  close(): Promise<void>
}
