import type { ErrorCode } from '../../errors.ts'

/** How long to wait before sending again what the server could not take now, in milliseconds. */
const RETRY_MS = 1000

/** What an error frame says of a change that the log refused: with `retry_after_ms` when a retry makes sense. */
export function refusal(code: ErrorCode): { code: ErrorCode; retry_after_ms?: number } {
  const passing = code === 'OVERLOADED' || code === 'STORAGE_FAILED'
  return passing ? { code, retry_after_ms: RETRY_MS } : { code }
}
