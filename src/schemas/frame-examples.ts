import type { Static, TSchema } from '@sinclair/typebox'
import type { incomingFrames, outgoingFrames } from './frame.ts'
import type { Message } from './message.ts'
import type { User } from './user.ts'

/** Examples of frames, by type. The key of an example says what it shows. */
type Examples<Frames extends Record<string, TSchema>> = {
  [T in keyof Frames]: Record<string, Static<Frames[T]>>
}

const ann: User = { id: 1, username: 'ann', display_name: 'Ann', created_at: '2026-01-05T09:00:00.000Z' }

const hello: Message = {
  chat_id: 123,
  id: 18,
  seq: 18,
  kind: 'text',
  sender: { id: 1, username: 'ann' },
  message: 'Hello everyone in the chat!',
  created_at: '2026-01-31T12:00:00.000Z'
}

export const incomingExamples: Examples<typeof incomingFrames> = {
  send: {
    minimal: { message: 'Hello everyone in the chat!' },
    'an answer, safe to send again': {
      type: 'send',
      chat_id: 123,
      message: 'Hello Ann',
      client_id: '7f9c2ba4',
      reply_to: 18
    }
  },
  resume: {
    'two chats': {
      type: 'resume',
      chats: [
        { chat_id: 123, after: 57 },
        { chat_id: 124, after: 0 }
      ]
    }
  },
  typing: { 'on a socket for all chats': { type: 'typing', chat_id: 123 } },
  read: { 'on a socket for all chats': { type: 'read', chat_id: 123, id: 57 } },
  ping: { ping: { type: 'ping' } }
}

export const outgoingExamples: Examples<typeof outgoingFrames> = {
  ready: {
    'a socket for one chat': {
      type: 'ready',
      user: ann,
      chats: [{ chat_id: 123, seq: 57, read_id: 50, unread_count: 3 }],
      epoch: 'q1b3P0rUfLqS1C2xHcV9mA',
      heartbeat_ms: 25_000,
      session_expires_at: '2026-02-07T12:00:00.000Z'
    }
  },
  unread: {
    'after the ready of somebody in more than 200 chats': {
      type: 'unread',
      items: [{ chat_id: 124, read_id: 0, unread_count: 12 }]
    }
  },
  message: {
    'a new message': { type: 'message', ...hello },
    'edited, and an answer that somebody liked': {
      type: 'message',
      ...hello,
      id: 19,
      seq: 25,
      message: 'Hello Ann!',
      edited_at: '2026-01-31T12:01:00.000Z',
      reply_to: 18,
      reactions: [{ emoji: '👍', count: 2, user_ids: [1, 7] }]
    },
    deleted: {
      type: 'message',
      chat_id: 123,
      id: 20,
      seq: 26,
      kind: 'text',
      sender: { id: 7, username: 'bob' },
      created_at: '2026-01-31T12:02:00.000Z',
      deleted_at: '2026-01-31T12:03:00.000Z'
    },
    'somebody joined': {
      type: 'message',
      chat_id: 123,
      id: 27,
      seq: 27,
      kind: 'joined',
      sender: { id: 8, username: 'cas' },
      created_at: '2026-01-31T12:04:00.000Z'
    }
  },
  ack: {
    'stored now': {
      type: 'ack',
      chat_id: 123,
      client_id: '7f9c2ba4',
      id: 28,
      seq: 28,
      created_at: '2026-01-31T12:05:00.000Z',
      duplicate: false
    }
  },
  live: { 'the replay is complete': { type: 'live', chat_id: 123, seq: 60 } },
  error: {
    'a frame that is not valid': {
      type: 'error',
      code: 'VALIDATION_FAILED',
      detail: 'frame/message must be 1 to 10,000 characters (code points) without U+0000',
      field: 'message',
      client_id: '7f9c2ba4'
    },
    'a send that cannot be accepted': {
      type: 'error',
      code: 'REPLY_TO_NOT_FOUND',
      detail: 'reply_to is not a message of this chat',
      client_id: '7f9c2ba4'
    },
    'too fast': {
      type: 'error',
      code: 'RATE_LIMITED',
      detail: 'Too many requests: try again later',
      retry_after_ms: 10
    }
  },
  typing: {
    'one person': { type: 'typing', chat_id: 123, user_ids: [7] },
    nobody: { type: 'typing', chat_id: 123, user_ids: [] }
  },
  presence: {
    'up to 100 people': { type: 'presence', chat_id: 123, online: [1, 7] },
    more: { type: 'presence', chat_id: 123, online_count: 4210 }
  },
  read: { 'somebody read on': { type: 'read', chat_id: 123, user_id: 7, id: 57 } },
  chat: {
    'I was added': {
      type: 'chat',
      change: 'added',
      chat: {
        id: 124,
        kind: 'group',
        visibility: 'private',
        title: 'Friends',
        seq: 1,
        created_by: 7,
        created_at: '2026-01-31T12:06:00.000Z',
        updated_at: '2026-01-31T12:06:00.000Z',
        role: 'member',
        read_id: 0,
        unread_count: 0
      }
    },
    'my role has changed': { type: 'chat', change: 'updated', chat: { id: 124, role: 'admin' } },
    'I was removed': { type: 'chat', change: 'removed', chat: { id: 124 } }
  },
  expiring: { 'the session ends soon': { type: 'expiring', at: '2026-02-07T12:00:00.000Z' } },
  bye: { 'a restart': { type: 'bye', after_ms: 1834 } },
  pong: { pong: { type: 'pong' } }
}
