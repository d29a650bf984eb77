import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Runs drizzle-kit as package.json's scripts do. Not in step: the servers of other tests would be late, and overloaded. */
export async function drizzleKit(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { NODE_OPTIONS, ...inherited } = process.env
  const command = [join(ROOT, 'node_modules/.bin/drizzle-kit'), ...args]
  const child = spawn(process.execPath, command, { cwd: ROOT, env: { ...inherited, ...env } })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = await once(child, 'exit')
  return { status, output: (await output).join('') }
}
