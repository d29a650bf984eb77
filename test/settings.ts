import { join } from 'node:path'
import { ConfigError, loadConfig } from '../src/config.ts'

export const SECRET_KEY = '0123456789abcdef0123456789abcdef'
/** A file that does not exist. */
export const NO_FILE = join(import.meta.dirname, 'missing.env')

/** Loads these settings, with a secret. */
export const load = (env: NodeJS.ProcessEnv, envFile = NO_FILE) => loadConfig({ SECRET_KEY, ...env }, envFile)

/** The one line with which these settings are refused. */
export function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('not refused')
}
