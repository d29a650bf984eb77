import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import websocket, { type WebsocketPluginOptions } from '@fastify/websocket'
import type { FastifyHttpOptions, FastifyInstance, RawServerDefault } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { type ErrorCode, errorBody, errorHandler } from '../errors.ts'
import { SUBPROTOCOL } from '../schemas/frame.ts'
import { FRAGMENTS, FRAME_BYTES } from '../schemas/socket.ts'
import { bareHeaders } from './headers.ts'
import { RequestLog } from './logger.ts'
import { requestLogger } from './request-logger.ts'

/** The most bytes of a request line and its headers. */
const HEAD_BYTES = 16_384

/** Limits of the HTTP server. Slow and endless requests end; Node's own defaults are longer, Fastify's endless. */
export function serverOptions(config: Config) {
  const { trustProxy } = config
  const setHeaders = bareHeaders(config)
  return {
    bodyLimit: FRAME_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    // Said in the shape of every error by closing.ts.
    return503OnClosing: false,
    // The schema of the route says what is wrong with a long part of a path.
    routerOptions: { maxParamLength: HEAD_BYTES },
    http: {
      maxHeaderSize: HEAD_BYTES,
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5000,
      // host.ts does, in the shape of every error.
      requireHostHeader: false,
      shouldUpgradeCallback: isUpgrade
    },
    trustProxy: trustProxy.length > 0 && trustProxy,
    logController: new RequestLog(),
    childLoggerFactory: requestLogger,
    frameworkErrors(error, request, reply) {
      setHeaders(request, reply)
      errorHandler(error, request, reply)
    },
    clientErrorHandler: answerUnreadable
  } satisfies FastifyHttpOptions<RawServerDefault>
}

/** The path of the socket, in the origin form or the absolute form of RFC 9112, section 3.2. */
const SOCKET_TARGET = /^(?:https?:\/\/[^/?#]+)?\/ws(?:\?|$)/

/**
 * Elsewhere an upgrade is a request like any other: on a socket, Node would never end it. HTTP/1.0 knows no upgrade
 * (RFC 9110, section 7.8).
 */
function isUpgrade({ url = '', headers, httpVersion }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && httpVersion !== '1.0' && SOCKET_TARGET.test(url)
}

const UNREADABLE: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT'
}

/** What Node could not read as a request never reaches the error handler. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  answer(errorBody(UNREADABLE[String(error.code)] ?? 'BAD_REQUEST'), socket)
}

/** Answers where there is no reply to answer with, in the shape of every error, and ends the connection. */
function answer(body: ReturnType<typeof errorBody>, socket: Duplex): void {
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${body.statusCode} ${body.error}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close'
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${text}`)
  socket.destroy()
}

/** Limits of a socket: bounded frames, bounded fragments, no compression state, dead peers are let go. */
const SOCKET_OPTIONS: WebsocketPluginOptions = {
  options: {
    maxPayload: FRAME_BYTES,
    maxFragments: FRAGMENTS,
    closeTimeout: 5000,
    perMessageDeflate: false,
    handleProtocols: protocols => protocols.has(SUBPROTOCOL) && SUBPROTOCOL
  } as NonNullable<WebsocketPluginOptions['options']>,
  // The chat plugin closes its sockets in its own preClose.
  preClose: async () => undefined
}

async function webSockets(app: FastifyInstance): Promise<void> {
  await app.register(websocket, SOCKET_OPTIONS)
  // A handshake that was let in, but is none (RFC 6455, section 4.2.1).
  app.websocketServer.on('wsClientError', ({ message }, socket) => answer(errorBody('BAD_REQUEST', message), socket))
}

export const sockets = fp(webSockets, { name: 'sockets' })
