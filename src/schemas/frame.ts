import { type Static, Type } from '@sinclair/typebox'
import { id, strict } from './common.ts'
import { messageFields, text } from './message.ts'

/** The query of `GET /ws`. */
export const SocketQuery = strict({ chat_id: id('The chat that this socket is for') })

/** Client to server: store this message and broadcast it to the others. */
export const SendFrame = strict({
  type: Type.Optional(Type.Literal('send', { description: 'May be left out' })),
  message: text
})
export type SendFrame = Static<typeof SendFrame>

/** Server to client: a message was created. */
export const MessageFrame = Type.Object({ type: Type.Literal('message'), ...messageFields }, { $id: 'MessageFrame' })

/** Server to client: a frame was refused; the socket stays open. */
export const ErrorFrame = Type.Object(
  {
    type: Type.Literal('error'),
    code: Type.String({ description: 'A stable code, as in HTTP errors', examples: ['VALIDATION_FAILED'] }),
    detail: Type.String({ description: 'A sentence for people; it may change' }),
    retry_after_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'Try again after that many milliseconds' }))
  },
  { $id: 'ErrorFrame' }
)
export type ErrorFrame = Static<typeof ErrorFrame>
