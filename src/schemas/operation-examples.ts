import type { Static } from '@sinclair/typebox'
import type { Chat, Member, NewChat, PublicChat } from './chat.ts'
import type { FoundMessage, Message, Send } from './message.ts'
import type { Registration, Session, User } from './user.ts'

/** Examples of an operation. */
interface OperationExample {
  /** Request bodies, by name. The first one succeeds on a new server with one account, one chat and one message. */
  bodies?: Record<string, object>
  /** The bodies of successful replies, by status. */
  replies: Record<number, object>
}

const text = 'Hello everyone in the chat!'

export const ann: User = { id: 1, username: 'ann', display_name: 'Ann', created_at: '2026-01-05T09:00:00.000Z' }
const bob: User = { id: 2, username: 'bob', display_name: 'Bob', created_at: '2026-01-06T10:30:00.000Z' }

const hello: Message = {
  chat_id: 1,
  id: 1,
  seq: 1,
  kind: 'text',
  sender: { id: 1, username: 'ann' },
  message: text,
  created_at: '2026-01-31T12:00:00.000Z'
}
const edited: Message = {
  ...hello,
  seq: 2,
  message: 'Hello all!',
  edited_at: '2026-01-31T12:01:00.000Z'
}
const liked: Message = { ...edited, seq: 3, reactions: [{ emoji: '👍', count: 1, user_ids: [1] }] }
const { message: _removed, ...rest } = hello
const deleted: Message = { ...rest, seq: 4, deleted_at: '2026-01-31T12:02:00.000Z' }
const found: FoundMessage = { ...hello, highlight: '<mark>Hello</mark> <mark>everyone</mark> in the chat!' }

const friends: Chat = {
  id: 1,
  kind: 'group',
  visibility: 'private',
  title: 'Friends',
  seq: 0,
  created_by: 1,
  created_at: '2026-01-31T11:58:00.000Z',
  updated_at: '2026-01-31T11:58:00.000Z',
  role: 'owner',
  read_id: 0,
  unread_count: 0
}
const used: Chat = { ...friends, seq: 1, updated_at: hello.created_at, read_id: 1, last_message: hello }
const renamed: Chat = { ...used, title: 'Close friends', seq: 2 }

const town: PublicChat = {
  id: 3,
  kind: 'group',
  visibility: 'public',
  title: 'Our town',
  seq: 1204,
  created_by: 2,
  created_at: '2026-01-10T08:00:00.000Z',
  updated_at: '2026-01-31T11:40:00.000Z'
}
const joined: Chat = { ...town, kind: 'group', seq: 1205, role: 'member', read_id: 0, unread_count: 100 }

const direct: Chat = {
  id: 2,
  kind: 'direct',
  visibility: 'private',
  seq: 0,
  created_by: 1,
  created_at: '2026-01-31T12:10:00.000Z',
  updated_at: '2026-01-31T12:10:00.000Z',
  role: 'member',
  read_id: 0,
  unread_count: 0,
  peer: bob
}

const member: Member = { user: ann, role: 'owner', joined_at: friends.created_at, read_id: 1 }

const session: Session = {
  id: 'Yb3P0rUfLqS1C2xHcV9mTw',
  current: true,
  created_at: '2026-01-31T11:55:00.000Z',
  last_seen_at: '2026-01-31T12:00:00.000Z',
  expires_at: '2026-02-07T11:55:00.000Z',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
}

const credentials: Registration = { username: 'ann', password: 'correct horse' }
const newChat: NewChat = { title: 'Friends' }
const send: Static<typeof Send> = { message: text }

const epoch = 'q1b3P0rUfLqS1C2xHcV9mA'
const readState = { read_id: 1, unread_count: 0 }
const health = { status: 'ok' }

/** Examples of every operation, by `operationId`. They are whole bodies, because some tools ignore examples of fields. */
export const operationExamples: Record<string, OperationExample> = {
  register: { bodies: { account: credentials }, replies: { 201: { ...ann, display_name: 'ann' } } },
  login: { bodies: { account: credentials }, replies: { 200: { user: ann } } },
  logout: { replies: {} },
  changePassword: {
    bodies: { change: { current_password: 'correct horse', new_password: 'battery staple' } },
    replies: {}
  },
  getMe: { replies: { 200: ann } },
  listSessions: { replies: { 200: { items: [session] } } },
  endSession: { replies: {} },
  listUsers: { replies: { 200: { items: [ann, bob], next_cursor: 'WyJ1c2VycyIsImJvYiJd' } } },
  getUser: { replies: { 200: ann } },
  changeMe: { bodies: { name: { display_name: 'Ann' } }, replies: { 200: ann } },
  createChat: { bodies: { group: newChat }, replies: { 201: friends } },
  openDirectChat: { bodies: { direct: { user_id: 2 } }, replies: { 200: direct, 201: direct } },
  listChats: { replies: { 200: { items: [used, direct] } } },
  listPublicChats: { replies: { 200: { items: [town] } } },
  getChat: { replies: { 200: { ...used, epoch } } },
  changeChat: { bodies: { title: { title: 'Close friends' } }, replies: { 200: renamed } },
  deleteChat: { replies: {} },
  markRead: { bodies: { marker: { id: 1 } }, replies: { 200: readState } },
  joinChat: { replies: { 200: joined } },
  listMembers: { replies: { 200: { items: [member] } } },
  setMember: { bodies: { add: {}, promote: { role: 'admin' } }, replies: { 200: member } },
  removeMember: { replies: {} },
  listMessages: { replies: { 200: { items: [hello], has_more_before: false, has_more_after: false } } },
  listChanges: { replies: { 200: { items: [liked], seq: 3, epoch, has_more: false } } },
  sendMessage: { bodies: { text: send }, replies: { 200: hello, 201: hello } },
  getMessage: { replies: { 200: hello } },
  editMessage: { bodies: { text: { message: 'Hello all!' } }, replies: { 200: edited } },
  deleteMessage: { replies: { 200: deleted } },
  addReaction: { replies: { 200: liked } },
  removeReaction: { replies: { 200: { ...edited, seq: 4 } } },
  searchMessages: { replies: { 200: { items: [found] } } },
  openSocket: { replies: {} },
  getLiveness: { replies: { 200: health } },
  getReadiness: { replies: { 200: health } }
}
