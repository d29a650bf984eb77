import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pinned } from './servers.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

export interface Asked<T> {
  answer: T
  /** Kills the process if it still runs. */
  end(): Promise<void>
}

/** Starts a script on the core of the load, writes the job to its standard input, and waits for one line of JSON. */
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

/** A process that exchanges messages. */
export interface Talk {
  tell(message: object | string): void
  /** Returns the next message, or undefined after `mostMs` milliseconds. Throws when the process ends. */
  hear<T>(mostMs: number): Promise<T | undefined>
  end(): Promise<void>
}

/** Starts a script on the core of the load; with `nice`, at the lowest priority. */
export function talk(script: string, args: string[] = [], nice = false): Talk {
  const command = [...(nice ? ['nice', '-n', '19'] : []), process.execPath, `${here}${script}`, ...args]
  const [file = '', ...rest] = pinned(1, command)
  const child: ChildProcess = spawn(file, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const heard: unknown[] = []
  let wake = () => {}
  child.on('message', message => {
    heard.push(message)
    wake()
  })
  child.once('exit', () => wake())
  return {
    tell: message => void child.send(message),
    async hear<T>(mostMs: number) {
      const end = performance.now() + mostMs
      while (heard.length === 0) {
        if (performance.now() >= end) return undefined
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${script} ended with ${child.exitCode ?? child.signalCode}`)
        }
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, end - performance.now())
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      return heard.shift() as T
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}
