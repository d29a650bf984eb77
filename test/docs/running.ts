import type { Test } from 'tap'
import { Client, type Message } from '../../docs/client.ts'

/** A client of `chat_id` that is running until the test ends, and what it has seen. */
export function start(t: Test, url: string, username: string, chat_id: number) {
  const client = new Client({ url, username, password: 'correct horse', chat_id })
  const seen: Message[] = []
  client.onMessage = message => void seen.push(message)
  const ended = client.run()
  ended.catch(() => undefined)
  t.teardown(() => client.stop())
  return { client, seen, ended }
}
