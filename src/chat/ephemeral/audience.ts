/**
 * The sockets of a room, as presence, typing and read markers see them. `Socket` is how the room names one of them.
 * Frames are sent later and in slices; of each kind, a socket gets the latest frame only.
 */
export interface Audience<Socket = never> {
  readonly chat_id: number
  /** Sends a frame to every socket. `lasting`: sockets that enter later get it, too. */
  updateAll(kind: string, frame: Buffer, lasting?: boolean): void
  /** Sends a frame to the sockets of one user. */
  updateUser(user_id: number, kind: string, frame: Buffer): void
  /** Sends a socket that has entered the lasting frames of the room. */
  updateNewcomer(socket: Socket): void
}
