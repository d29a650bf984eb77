import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pinned } from './servers.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

export interface Asked<T> {
  answer: T
  /** Ends the process, when it has not ended by itself. */
  end(): Promise<void>
}

/** Starts a script on the core of the load, tells it its job, and waits for the line of JSON that it answers. */
export function ask<T>(script: string, job: unknown): Promise<Asked<T>> {
  const [file = '', ...args] = pinned(1, [process.execPath, `${here}${script}`])
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  async function end(): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', chunk => {
      text += chunk
      if (text.includes('\n')) resolve({ answer: JSON.parse(text), end })
    })
    child.once('exit', code => reject(new Error(`${script} ended with ${code}`)))
    child.stdin.end(JSON.stringify(job))
  })
}
