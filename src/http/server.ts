import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import websocket, { type WebsocketPluginOptions } from '@fastify/websocket'
import type { FastifyHttpOptions, FastifyInstance, RawServerDefault } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { type ErrorCode, errorBody, errorHandler } from '../errors.ts'
import { SUBPROTOCOL } from '../schemas/frame.ts'
import { FRAGMENTS, FRAME_BYTES } from '../schemas/socket.ts'
import { headersWithoutHooks } from './headers.ts'
import { RequestLog } from './logger.ts'
import { requestLogger } from './request-logger.ts'

/** Maximum size of a request line and its headers, in bytes. */
const HEAD_BYTES = 16_384

/** The options of the HTTP server. Requests end by a timeout: Node's own is longer, and Fastify's default is none. */
export function serverOptions(config: Config) {
  const { trustProxy } = config
  const setHeaders = headersWithoutHooks(config)
  return {
    bodyLimit: FRAME_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    // closing.ts refuses requests, in the shape of every error.
    return503OnClosing: false,
    // The schema of the route refuses long parts of a path.
    routerOptions: { maxParamLength: HEAD_BYTES },
    http: {
      maxHeaderSize: HEAD_BYTES,
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5000,
      // host.ts checks it, in the shape of every error.
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
    clientErrorHandler: answerParseError
  } satisfies FastifyHttpOptions<RawServerDefault>
}

/** The path of the socket, in the origin form or the absolute form of RFC 9112, section 3.2. */
const SOCKET_TARGET = /^(?:https?:\/\/[^/?#]+)?\/ws(?:\?|$)/

/**
 * Returns whether a request is an upgrade of the socket's path. Node must not upgrade other paths, because it would never
 * end those connections. HTTP/1.0 has no upgrade (RFC 9110, section 7.8).
 */
function isUpgrade({ url = '', headers, httpVersion }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && httpVersion !== '1.0' && SOCKET_TARGET.test(url)
}

const PARSE_ERRORS: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT'
}

/** Answers a request that Node cannot parse. Such a request never reaches the error handler of Fastify. */
function answerParseError(error: NodeJS.ErrnoException, socket: Duplex): void {
  answer(errorBody(PARSE_ERRORS[String(error.code)] ?? 'BAD_REQUEST'), socket)
}

/** Writes an error to a connection that has no reply object, in the shape of every error, and closes it. */
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

/** Limits of a socket: bounded frames and fragments, no compression, and a timeout for the closing handshake. */
const SOCKET_OPTIONS: WebsocketPluginOptions = {
  options: {
    maxPayload: FRAME_BYTES,
    maxFragments: FRAGMENTS,
    closeTimeout: 5000,
    perMessageDeflate: false,
    handleProtocols: protocols => protocols.has(SUBPROTOCOL) && SUBPROTOCOL
  } as NonNullable<WebsocketPluginOptions['options']>,
  // The chat plugin closes all sockets in its own preClose hook.
  preClose: async () => undefined
}

async function webSockets(app: FastifyInstance): Promise<void> {
  await app.register(websocket, SOCKET_OPTIONS)
  // ws refuses a handshake that is not valid (RFC 6455, section 4.2.1).
  app.websocketServer.on('wsClientError', ({ message }, socket) => answer(errorBody('BAD_REQUEST', message), socket))
}

export const sockets = fp(webSockets, { name: 'sockets' })
