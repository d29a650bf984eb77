import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Runs a script as package.json's scripts do, in `cwd`. */
export async function run(script: string, cwd: string, args: string[], settings: NodeJS.ProcessEnv = {}) {
  const { NODE_OPTIONS, ...inherited } = process.env
  const file = fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], { cwd, env: { ...inherited, ...settings } })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await once(child, 'exit')
  const [stdout, stderr] = await output
  return { code, stdout, stderr }
}
