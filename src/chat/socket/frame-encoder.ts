/** First bytes: FIN and the opcode of a text frame; a whole ping without payload. RFC 6455, section 5.2. */
const FIN_TEXT = 0x81
export const PING_FRAME = Buffer.from([0x89, 0x00])

export const EMPTY = Buffer.alloc(0)

/**
 * Encodes one unmasked, unfragmented text frame (RFC 6455, section 5.2), header and payload in one buffer: the bytes
 * that `ws.send(text)` would write, encoded once for many sockets.
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(header + length)
  frame[0] = FIN_TEXT
  if (header === 2) frame[1] = length
  else if (header === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, header)
  return frame
}

/** Concatenates frames for one write. Copies nothing when there is only one. */
export function concatFrames(frames: Buffer[]): Buffer {
  return frames.length > 1 ? Buffer.concat(frames) : (frames[0] ?? EMPTY)
}
