/** The database cannot be opened, read or migrated. The message is one line for the operator who starts the server. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}
